// Random traffic on the registers and streams of small_net_axi. Arguments: images file, expected file, seed.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <ios>
#include <vector>

#include "Vdesign.h"
#include "verilated.h"

static const uint32_t kIn = 16, kOut = 11;
static uint64_t state;
static uint32_t random_bits() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<uint32_t>(state >> 11);
}
static bool chance(uint32_t of) { return random_bits() % of == 0; }
static void check(bool good, const char* what) {
    if (good) return;
    std::printf("FAIL: %s\n", what);
    std::exit(1);
}
static std::vector<uint32_t> words(const char* path) {
    std::ifstream file(path);
    std::vector<uint32_t> all;
    uint32_t word;
    while (file >> std::hex >> word) all.push_back(word);
    return all;
}

struct Bench {
    VerilatedContext* context;
    Vdesign dut;
    std::vector<uint32_t> images, expected, got;
    size_t sent = 0, limit = 0, odd_end = 0;  // words sent, words that may be offered, where a frame ends too late
    uint64_t quiet = 0, done = 0, interrupts = 0;
    bool offering = false;
    uint32_t held = 0;
    bool was_valid = false, was_answer = false;

    explicit Bench(VerilatedContext* c) : context(c), dut(c) {}

    void tick() {  // streams move at random; everything else is as the caller has set it
        if (!offering && sent < limit) offering = !chance(3);
        dut.s_axis_tvalid = offering;
        dut.s_axis_tdata = images[sent % images.size()];
        dut.s_axis_tlast = odd_end ? sent == odd_end : sent % kIn == kIn - 1;
        dut.m_axis_tready = !chance(3);
        dut.clk = 0;
        dut.eval();
        const bool in = offering && dut.s_axis_tready, out = dut.m_axis_tvalid && dut.m_axis_tready;
        const uint32_t word = dut.m_axis_tdata;
        const bool last = dut.m_axis_tlast, answer = dut.s_axi_bvalid, valid = dut.s_axi_rvalid;
        if (was_valid) check(valid && dut.s_axi_rdata == held, "read data changes before it is taken");
        if (was_answer) check(answer, "a write's answer goes before it is taken");
        was_valid = valid && !dut.s_axi_rready;
        was_answer = answer && !dut.s_axi_bready;
        held = dut.s_axi_rdata;
        interrupts += dut.irq && !dut.reset;
        dut.clk = 1;
        dut.eval();
        if (in) sent++, offering = false;
        if (out && !dut.reset) {
            got.push_back(word);
            check(last == (got.size() % kOut == 0), "tlast");
            done += last;
        }
    }
    uint32_t read(uint32_t address, uint32_t response = 0) {
        while (chance(2)) tick();
        dut.s_axi_arvalid = 1;
        dut.s_axi_araddr = address;
        dut.s_axi_rready = chance(2);
        for (bool taken = false; !taken;) {
            dut.clk = 0;
            dut.eval();
            taken = dut.s_axi_arready;
            tick();
        }
        dut.s_axi_arvalid = 0;
        for (;;) {
            dut.s_axi_rready = chance(2);
            dut.clk = 0;
            dut.eval();
            const bool taken = dut.s_axi_rvalid && dut.s_axi_rready;
            const uint32_t value = dut.s_axi_rdata;
            if (taken) check(dut.s_axi_rresp == response, "answer to a read");
            tick();
            if (!taken) continue;
            dut.s_axi_rready = 0;
            return value;
        }
    }
    void write(uint32_t address, uint32_t value, uint32_t strobe = 15, uint32_t response = 0) {
        bool address_there = false, data_there = false;
        dut.s_axi_awaddr = address;
        dut.s_axi_wdata = value;
        dut.s_axi_wstrb = strobe;
        while (!address_there || !data_there || dut.s_axi_awvalid) {
            if (!address_there && chance(3)) address_there = dut.s_axi_awvalid = 1;
            if (!data_there && chance(3)) data_there = dut.s_axi_wvalid = 1;
            dut.clk = 0;
            dut.eval();
            const bool taken = dut.s_axi_awvalid && dut.s_axi_awready;
            check(taken == (dut.s_axi_wvalid && dut.s_axi_wready), "address and data are taken together");
            tick();
            if (taken) dut.s_axi_awvalid = dut.s_axi_wvalid = 0;
        }
        for (bool taken = false; !taken;) {
            dut.s_axi_bready = chance(2);
            dut.clk = 0;
            dut.eval();
            taken = dut.s_axi_bvalid && dut.s_axi_bready;
            if (taken) check(dut.s_axi_bresp == response, "answer to a write");
            tick();
        }
        dut.s_axi_bready = 0;
    }
    void wait_done() {
        for (int tries = 0; !(read(0) & 2); tries++) check(tries < 3000, "the design does not finish");
    }
    void compare() {
        for (size_t i = 0; i < got.size(); i++) {
            const uint32_t want = expected[i % expected.size()];
            const bool nan = i % kOut < 6 && (want & 0x7fffffff) > 0x7f800000 && (got[i] & 0x7fffffff) > 0x7f800000;
            check(got[i] == want || nan, "a word differs");
        }
    }
};

int main(int, char** argv) {
    state = std::strtoull(argv[3], nullptr, 10) * 0x9E3779B97F4A7C15ull + 1;
    VerilatedContext context;
    context.randReset(2);
    context.randSeed(static_cast<int>(state & 0x7fff) + 1);
    Bench b(&context);
    b.images = words(argv[1]);
    b.expected = words(argv[2]);
    const uint32_t count = static_cast<uint32_t>(b.images.size() / kIn);
    b.dut.s_axi_awvalid = b.dut.s_axi_wvalid = b.dut.s_axi_arvalid = b.dut.s_axi_bready = b.dut.s_axi_rready = 0;
    b.dut.reset = 1;
    b.was_valid = b.was_answer = false;
    for (int i = 0; i < 5; i++) {
        b.tick();
        b.was_valid = b.was_answer = false;
    }
    b.dut.reset = 0;
    check(b.read(0x1c) == 1 && b.read(0x24) == kIn && b.read(0x28) == kOut, "constants");
    check(b.read(0x00) == 4 && b.read(0x0c) == 0, "idle after reset");
    b.limit = b.images.size();
    for (int i = 0; i < 50; i++) b.tick();
    check(b.sent == 0, "a word is taken before the start");
    b.write(0x00, 1, 14);  // the byte with the bits is not written
    b.write(0x1c, 7, 15, 2);
    b.read(0x3c, 2);
    b.read(0x02, 2);
    check(b.read(0x00) == 4 && b.interrupts == 0, "nothing has started");
    b.write(0x08, 1);
    for (uint32_t image = 1; image <= count; image++) {  // one by one
        b.write(0x00, 1);
        b.wait_done();
        check(b.read(0x0c) == image && b.sent == image * kIn && b.got.size() == image * kOut, "one image for a start");
        check(b.read(0x10) > kIn && b.read(0x14) >= b.read(0x10), "cycles");
        check(!(b.read(0x00) & 2), "done is cleared by reading");
    }
    check(b.interrupts > 0 && !b.dut.irq, "interrupt until done is read");
    b.limit = 4 * b.images.size();
    b.write(0x00, 0x81);  // the rest without asking
    for (int i = 0; b.done < 4 * count; i++) {
        check(i < 100000, "restart");
        if (chance(8)) b.read(4 * (random_bits() % 11));
        else b.tick();
    }
    check(b.read(0x0c) == 4 * count && (b.read(0x00) & 0x81) == 0x81, "restart stays");
    b.write(0x00, 0);
    b.limit += kIn;  // START is still set: one more may come
    for (int i = 0; b.done < 4 * count + 1; i++) check(i < 10000, "the last one"), b.tick();
    check(b.read(0x0c) == 4 * count + 1 && (b.read(0x00) & 0x85) == 4, "idle again");
    b.compare();
    check(!(b.read(0x04) & 2), "no frame was wrong");
    b.odd_end = b.sent + kIn;
    b.limit = b.odd_end + 1;
    b.write(0x00, 1);
    for (int i = 0; b.sent < b.limit; i++) check(i < 10000, "a long frame is taken"), b.tick();
    check(b.read(0x04) & 2, "the wrong frame is reported");
    std::printf("PASS: %u images\n", 4 * count + 1);
    return 0;
}
