// Compare Verilated instances with a reference. dut.inc (generated) names them: X(output, ftz, mask, latency).
// usage: bench host OP COUNT SEED    every instance against the host FPU on operands & mask, in its float mode
//        bench pipe OP COUNT SEED    instances of latency n against the first one, n enabled cycles ago
//        bench raw                   read pairs "a b" (decimal) from stdin, print the outputs of all instances
//        bench speed OP COUNT SEED   evaluations per second
#include <xmmintrin.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "Vdut.h"
#include "verilated.h"

static Vdut dut;

struct Instance {
    const char* name;
    bool ftz;
    uint32_t mask;
    unsigned latency;
};
static const Instance instances[] = {
#define X(output, ftz, mask, latency) {#output, ftz, mask, latency},
#include "dut.inc"
#undef X
};
static const size_t N = sizeof instances / sizeof *instances;

static void outputs(uint32_t* y) {
#define X(output, ftz, mask, latency) *y++ = dut.output;
#include "dut.inc"
#undef X
}

static uint64_t state;
static uint64_t rnd() {  // splitmix64
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static float f(uint32_t x) { float y; memcpy(&y, &x, 4); return y; }
static uint32_t u(float x) { uint32_t y; memcpy(&y, &x, 4); return y; }
static bool is_nan(uint32_t x) { return (x & 0x7FFFFFFF) > 0x7F800000; }
static uint32_t canonical(float x) { return std::isnan(x) ? 0x7FC00000u : u(x); }

enum Op { FMUL, FDIV, FADD, FSUB, FCMP, SITOFP, UITOFP, FPTOSI, FPTOUI, NONE };
static const char* op_names[] = {"fmul", "fdiv", "fadd", "fsub", "fcmp", "sitofp", "uitofp", "fptosi", "fptoui"};
static bool is_float(Op op) { return op != SITOFP && op != UITOFP; }

// What the host's FPU gives; the loop is one call so that the compiler moves nothing across the MXCSR change.
__attribute__((noinline)) static void host(Op op, const uint32_t* a, const uint32_t* b, uint32_t* y, size_t n) {
    for (size_t i = 0; i < n; i++) switch (op) {
        case FMUL: y[i] = canonical(f(a[i]) * f(b[i])); break;
        case FDIV: y[i] = canonical(f(a[i]) / f(b[i])); break;
        case FADD: y[i] = canonical(f(a[i]) + f(b[i])); break;
        case FSUB: y[i] = canonical(f(a[i]) - f(b[i])); break;
        case FCMP: {
            float p = f(a[i]), q = f(b[i]);
            y[i] = (is_nan(a[i]) || is_nan(b[i])) << 2 | (p == q) << 1 | (p < q);
            break;
        }
        case SITOFP: y[i] = u((float)(int32_t)a[i]); break;
        case UITOFP: y[i] = u((float)a[i]); break;
        case FPTOSI: y[i] = f(a[i]) > -2147483904.f && f(a[i]) < 2147483648.f ? (uint32_t)(int32_t)f(a[i]) : 0x80000000u; break;
        case FPTOUI: y[i] = f(a[i]) > -1.f && f(a[i]) < 4294967296.f ? (uint32_t)(int64_t)f(a[i]) : 0xFFFFFFFFu; break;
        default: abort();
    }
}

static std::vector<uint32_t> corners(Op op) {
    std::vector<uint32_t> c;
    if (!is_float(op)) {
        for (int i = 0; i < 32; i++)
            for (int d = -2; d <= 2; d++) c.push_back((1u << i) + d), c.push_back(0u - (1u << i) + d);
        for (int i = 24; i < 32; i++)  // ties of the rounding and their neighbours
            for (int d = -1; d <= 1; d++)
                c.push_back((1u << i) + (1u << (i - 24)) + d), c.push_back((1u << i) + (3u << (i - 24)) + d);
        return c;
    }
    static const uint32_t magnitudes[] = {
        0x00000000, 0x00000001, 0x00000002, 0x00000003, 0x00000005, 0x00200000, 0x003FFFFF, 0x00400000, 0x00400001,
        0x00555555, 0x007FFFFE, 0x007FFFFF, 0x00800000, 0x00800001, 0x00800002, 0x00FFFFFF, 0x01000000, 0x01000001,
        0x017FFFFF, 0x0C000000, 0x0C7FFFFF, 0x1F800000, 0x20000000, 0x33800000, 0x34000000, 0x34000001, 0x3EAAAAAB,
        0x3EFFFFFF, 0x3F000000, 0x3F000001, 0x3F2AAAAA, 0x3F7FFFFE, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x3F800002,
        0x3F800003, 0x3FAAAAAA, 0x3FC00000, 0x3FD55555, 0x3FFFFFFF, 0x40000000, 0x40000001, 0x40400000, 0x407FFFFF,
        0x4AFFFFFF, 0x4B000000, 0x4B000001, 0x4B7FFFFF, 0x4B800000, 0x4EFFFFFF, 0x4F000000, 0x4F000001, 0x4F7FFFFF,
        0x4F800000, 0x5F000000, 0x5F7FFFFF, 0x7E7FFFFF, 0x7E800000, 0x7EFFFFFF, 0x7F000000, 0x7F000001, 0x7F7FFFFE,
        0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FBFFFFF, 0x7FC00000, 0x7FC00001, 0x7FFFFFFF};
    for (uint32_t m : magnitudes) c.push_back(m), c.push_back(m | 0x80000000);
    return c;
}

// A fraction with structure: random, few bits, long runs of zeros or ones at the end (ties, carries).
static uint32_t fraction() {
    uint64_t r = rnd();
    uint32_t x = r & 0x7FFFFF, k = (r >> 32) % 24;
    switch ((r >> 40) & 3) {
        case 0: return x;
        case 1: return x >> k << k;
        case 2: return (x | ((1u << k) - 1)) & 0x7FFFFF;
        default: return (x & rnd() & rnd()) & 0x7FFFFF;
    }
}

// Operand pairs whose exponents are near each other, or whose product or quotient is near the smallest or largest.
static void close_pair(uint32_t& a, uint32_t& b) {
    uint64_t r = rnd();
    int ea = r & 255, eb, delta = int((r >> 8) % 57) - 28;
    switch ((r >> 16) & 7) {
        case 0: eb = 127 - ea + delta; break;                 // tiny product
        case 1: eb = 254 + 127 - ea + delta / 8; break;       // huge product
        case 2: eb = ea + 126 + delta; break;                 // tiny quotient
        case 3: eb = ea - 127 + delta / 8; break;             // huge quotient
        case 4: ea &= 3, eb = (r >> 24) & 31; break;          // subnormals
        case 5: eb = ea + delta / 14; break;                  // cancellation
        default: eb = ea + delta;                             // alignment
    }
    eb = eb < 0 ? 0 : eb > 255 ? 255 : eb;
    uint64_t s = rnd();
    a = uint32_t(s & 1) << 31 | uint32_t(ea) << 23 | fraction();
    b = uint32_t(s & 2) << 30 | uint32_t(eb) << 23 | ((s & 0x700) ? fraction() : (a & 0x7FFFFF));
    if (s & 4) std::swap(a, b);
}

static void report(const Instance& i, uint32_t a, uint32_t b, uint32_t y, uint32_t want) {
    printf("%s ftz=%d mask=%08x latency=%u: a=%08x b=%08x gives %08x, want %08x\n", i.name, i.ftz, i.mask, i.latency, a, b, y, want);
    exit(1);
}

static uint64_t compared = 0;
static void compare(Op op, const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
    static std::vector<std::vector<uint32_t>> want(N), ma(N), mb(N);
    size_t n = a.size();
    for (size_t k = 0; k < N; k++) {
        want[k].resize(n), ma[k].resize(n), mb[k].resize(n);
        for (size_t i = 0; i < n; i++) ma[k][i] = a[i] & instances[k].mask, mb[k][i] = b[i] & instances[k].mask;
        unsigned csr = _mm_getcsr();
        _mm_setcsr(instances[k].ftz ? csr | 0x8040 : csr & ~0x8040);  // FTZ and DAZ
        host(op, ma[k].data(), mb[k].data(), want[k].data(), n);
        _mm_setcsr(csr);
    }
    uint32_t y[N];
    for (size_t i = 0; i < n; i++) {
        dut.a = a[i], dut.b = b[i];
        dut.eval();
        outputs(y);
        for (size_t k = 0; k < N; k++)
            if (y[k] != want[k][i]) report(instances[k], a[i], b[i], y[k], want[k][i]);
    }
    compared += n * N;
}

static void against_host(Op op, uint64_t count) {
    std::vector<uint32_t> a, b;
    auto c = corners(op);
    for (uint32_t x : c)
        for (uint32_t z : c) a.push_back(x), b.push_back(z);
    compare(op, a, b);
    a.resize(4096), b.resize(4096);
    for (uint64_t done = 0; done < count + count / 2; done += 4096) {
        for (size_t i = 0; i < 4096; i++) {
            uint64_t r = rnd();
            if (done < count) a[i] = r, b[i] = r >> 32;
            else if (is_float(op)) close_pair(a[i], b[i]);
            else a[i] = uint32_t(r) >> ((r >> 32) & 31), b[i] = 0;
        }
        compare(op, a, b);
    }
}

static void pipelined(Op op, uint64_t count) {
    auto c = corners(op);
    std::vector<std::deque<uint32_t>> queue(N);
    std::vector<uint32_t> held(N);
    uint32_t y[N], a = 0, b = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t r = rnd();
        if (r & 1) a = c[(r >> 8) % c.size()], b = c[(r >> 24) % c.size()];
        else if (is_float(op)) close_pair(a, b);
        else a = r >> 32;
        // As a register at the input would: operands change after a rising edge, even while ce is 0.
        dut.a = a, dut.b = b, dut.ce = (rnd() & 3) != 0;
        dut.clk = 0, dut.eval();
        outputs(y);
        for (size_t k = 0; k < N; k++) {
            if (queue[k].size() == instances[k].latency && instances[k].latency != 0 && y[k] != queue[k].front())
                report(instances[k], a, b, y[k], queue[k].front());
            if (instances[k].latency == 0 && y[k] != y[0]) report(instances[k], a, b, y[k], y[0]);
            compared++;
        }
        if (dut.ce)
            for (size_t k = 0; k < N; k++) {
                queue[k].push_back(y[0]);
                if (queue[k].size() > instances[k].latency) queue[k].pop_front();
            }
        dut.clk = 1, dut.eval();
    }
}

static void raw() {
    unsigned long a, b;
    while (scanf("%lu %lu", &a, &b) == 2) {
        dut.a = a, dut.b = b;
        dut.eval();
        const char* space = "";
#define X(output, ftz, mask, latency) printf("%s%lu", space, (unsigned long)dut.output), space = " ";
#include "dut.inc"
#undef X
        putchar('\n');
    }
}

static void speed(Op op, uint64_t count) {
    std::vector<uint32_t> a(4096), b(4096);
    for (size_t i = 0; i < 4096; i++) a[i] = 0x3F800000 ^ (rnd() & 0x83FFFFFF), b[i] = 0x3F800000 ^ (rnd() & 0x83FFFFFF);
    uint32_t sum = 0, y[N];
    auto start = std::chrono::steady_clock::now();
    for (uint64_t i = 0; i < count; i++) {
        dut.a = a[i & 4095], dut.b = b[i & 4095];
        dut.eval();
        outputs(y);
        sum += y[0];
    }
    std::chrono::duration<double> t = std::chrono::steady_clock::now() - start;
    printf("%.1f M/s (checksum %08x)\n", count / t.count() * 1e-6, sum);
}

int main(int argc, char** argv) {
    std::string mode = argv[1];
    if (mode == "raw") return raw(), 0;
    Op op = NONE;
    for (int i = 0; i < NONE; i++)
        if (argc > 2 && op_names[i] == std::string(argv[2])) op = Op(i);
    uint64_t count = strtoull(argv[3], nullptr, 0);
    state = strtoull(argv[4], nullptr, 0);
    if (mode == "host") against_host(op, count);
    else if (mode == "pipe") pipelined(op, count);
    else return speed(op, count), 0;
    printf("%llu comparisons\n", (unsigned long long)compared);
}
