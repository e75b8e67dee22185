"""Verilog of an ECP5's block RAM (DP16KD) as Lattice's guide to this family's memories describes it (FPGA-TN-02204).

What yosys makes of memories needs no more: one clock, no reset, chip selects that are off, write modes NORMAL and
READBEFOREWRITE, one port that writes. A word that one port reads while the other writes it is unknown in hardware;
here the bits that are written read inverted.
"""

from __future__ import annotations

from typing import Final

__all__ = ["block_ram"]

_PORTS: Final = {"A": "B", "B": "A"}
_ROWS: Final = 64
"""Parameters INITVAL_00 ... with the contents: each of 16 times 18 bits, which begin 20 bits apart."""


def block_ram() -> str:
    """The module DP16KD."""
    pins = [f"CLK{port}, CE{port}, OCE{port}, WE{port}, RST{port}, {_bits(f'CS{port}', 3)}" for port in _PORTS]
    pins += [f"{_bits(f'AD{port}', 14)}, {_bits(f'DI{port}', 18)}" for port in _PORTS]
    texts = [f'REGMODE_{port} = "NOREG", WRITEMODE_{port} = "NORMAL"' for port in _PORTS]
    texts += [f'CSDECODE_{port} = "0b000", CLK{port}MUX = "CLK{port}"' for port in _PORTS]
    texts += ['GSR = "ENABLED"', 'RESETMODE = "SYNC"', 'ASYNC_RESET_RELEASE = "SYNC"']
    contents = [f"INITVAL_{row:02X}" for row in range(_ROWS)]
    outputs = ", ".join(_bits(f"DO{port}", 18) for port in _PORTS)
    return (
        "module DP16KD #(\n"
        "    parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18,\n"
        f"    parameter {', '.join(texts)},\n"
        f"    parameter [319:0] {', '.join(f'{name} = 0' for name in contents)}\n"
        f") (input {', '.join(pins)},\n    output {outputs});\n"
        f"    wire [20479:0] contents = {{{', '.join(reversed(contents))}}};\n"
        "    wire wide = DATA_WIDTH_B == 36;\n"
        f"{_MEMORY}{''.join(_port(port, other) for port, other in _PORTS.items())}"
        '    wire [35:0] lower = REGMODE_A == "OUTREG" ? keptB : readB;  // half of a word of 36 bits\n'
        f"    assign {{{_bits('DOB', 18)}}} = wide ? wordB[35:18] : wordB[17:0];\n"
        f"    assign {{{_bits('DOA', 18)}}} = wide ? lower[17:0] : wordA[17:0];\n"
        "endmodule\n"
    )


def _bits(name: str, count: int) -> str:
    return ", ".join(f"{name}{bit}" for bit in reversed(range(count)))


_MEMORY: Final = """
    reg [35:0] rows [0:511];
    integer row;
    initial for (row = 0; row < 512; row = row + 1) rows[row] = {contents[row*40+20 +: 18], contents[row*40 +: 18]};
    function [5:0] first;  // where in its row a word begins
        input integer width;
        input [13:0] address;
        case (width)
            36: first = 0;
            18: first = 18 * address[4];
            9: first = 9 * address[4:3];
            4: first = 9 * address[4:3] + 4 * address[2];
            2: first = 9 * address[4:3] + 2 * address[2:1];
            default: first = 9 * address[4:3] + address[2:0];
        endcase
    endfunction
    function [35:0] written;  // the bits of its row that a write changes
        input integer width;
        input [13:0] address;
        case (width)
            36: written = {{9{address[3]}}, {9{address[2]}}, {9{address[1]}}, {9{address[0]}}};
            18: written = {{9{address[1]}}, {9{address[0]}}} << first(width, address);
            default: written = ((36'd1 << width) - 36'd1) << first(width, address);
        endcase
    endfunction
"""


def _port(port: str, other: str) -> str:
    """A port: words that it reads, held while it is off; its output register."""
    data = f"{{{_bits('DIB', 18)}, {_bits('DIA', 18)}}}" if port == "A" else f"{{18'd0, {_bits('DIB', 18)}}}"
    return f"""
    wire [13:0] address{port} = {{{_bits(f"AD{port}", 14)}}};
    wire [8:0] row{port} = address{port}[13:5];
    wire [5:0] first{port} = first(DATA_WIDTH_{port}, address{port});
    wire [35:0] data{port} = {data};
    wire [35:0] changed{port} = {{36{{CE{port} & WE{port}}}}} & written(DATA_WIDTH_{port}, address{port});
    wire [35:0] clash{port} = {{36{{row{port} == row{other}}}}} & changed{other};
    reg [35:0] read{port} = 0, kept{port} = 0;
    wire [35:0] word{port} = REGMODE_{port} == "OUTREG" ? kept{port} : read{port};
    always @(posedge CLK{port}) begin
        if (CE{port} & (~WE{port} | WRITEMODE_{port} == "READBEFOREWRITE"))
            read{port} <= (rows[row{port}] ^ clash{port}) >> first{port};
        if (|changed{port})
            rows[row{port}] <= rows[row{port}] & ~changed{port} | data{port} << first{port} & changed{port};
        if (OCE{port}) kept{port} <= read{port};
        if (RST{port} | (|changed{port} & |changed{other})) begin
            $display("a block RAM is reset, or written by two ports");
            $finish;
        end
    end
"""
