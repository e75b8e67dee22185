// What emulators of approximate multipliers do today: every product is looked up in a table of 256 x 256 int32.
//
// Three ways. 0: a loop over the table, and 1: the same with vector gathers, for each output over the taps of its place
// (v: places x depth, table[activation][weight]); the usual ones. 2: gathers from the row of one weight for several
// places at a time (v: depth x places, table[weight][activation]), which is the best case for the cache.
#include <cstdint>
#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr long LANES = 16;
using Sums = __m512i;
inline Sums bytes(const uint8_t *p) { return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)); }
inline Sums gather(const int32_t *table, Sums index) { return _mm512_i32gather_epi32(index, table, 4); }
inline Sums add(Sums a, Sums b) { return _mm512_add_epi32(a, b); }
inline Sums pair(Sums a, Sums b) { return _mm512_or_si512(_mm512_slli_epi32(a, 8), b); }
inline Sums load(const int32_t *p) { return _mm512_loadu_si512(p); }
inline void store(int32_t *p, Sums x) { _mm512_storeu_si512(p, x); }
inline int32_t total(Sums x) { return _mm512_reduce_add_epi32(x); }
#elif defined(__AVX2__)
constexpr long LANES = 8;
using Sums = __m256i;
inline Sums bytes(const uint8_t *p) { return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)); }
inline Sums gather(const int32_t *table, Sums index) { return _mm256_i32gather_epi32(table, index, 4); }
inline Sums add(Sums a, Sums b) { return _mm256_add_epi32(a, b); }
inline Sums pair(Sums a, Sums b) { return _mm256_or_si256(_mm256_slli_epi32(a, 8), b); }
inline Sums load(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
inline void store(int32_t *p, Sums x) { _mm256_storeu_si256((__m256i *)p, x); }
inline int32_t total(Sums x)
{
    int32_t lane[8], sum = 0;
    store(lane, x);
    for (int32_t each : lane)
        sum += each;
    return sum;
}
#endif

int32_t dot(const uint8_t *v, const uint8_t *s, const int32_t *table, long from, long depth)
{
    int32_t sum = 0;
    for (long t = from; t < depth; t++)
        sum += table[v[t] << 8 | s[t]];
    return sum;
}

void by_output(const uint8_t *v, const uint8_t *s, const int32_t *table, int32_t *y, long rows, long columns, long depth,
               bool gathers)
{
    for (long r = 0; r < rows; r++)
        for (long c = 0; c < columns; c++) {
            const uint8_t *x = v + c * depth, *w = s + r * depth;
            long t = 0;
#if defined(__AVX512F__) || defined(__AVX2__)
            if (gathers) {
                Sums sums = {};
                for (; t + LANES <= depth; t += LANES)
                    sums = add(sums, gather(table, pair(bytes(x + t), bytes(w + t))));
                y[r * columns + c] += total(sums);
            }
#endif
            y[r * columns + c] += dot(x, w, table, t, depth);
        }
}

void by_weight(const uint8_t *v, const uint8_t *s, const int32_t *table, int32_t *y, long rows, long columns, long depth)
{
    for (long r = 0; r < rows; r++) {
        long c = 0;
#if defined(__AVX512F__) || defined(__AVX2__)
        for (; c + 4 * LANES <= columns; c += 4 * LANES) {
            int32_t *goal = y + r * columns + c;
            Sums sums[4];
            for (int i = 0; i < 4; i++)
                sums[i] = load(goal + i * LANES);
            for (long t = 0; t < depth; t++)
                for (int i = 0; i < 4; i++)
                    sums[i] = add(sums[i], gather(table + 256 * s[r * depth + t], bytes(v + t * columns + c + i * LANES)));
            for (int i = 0; i < 4; i++)
                store(goal + i * LANES, sums[i]);
        }
#endif
        for (; c < columns; c++)
            for (long t = 0; t < depth; t++)
                y[r * columns + c] += table[256 * s[r * depth + t] + v[t * columns + c]];
    }
}

} // namespace

extern "C" {

void lut_products(const uint8_t *v, const uint8_t *s, const int32_t *table, int32_t *y, long rows, long columns,
                  long depth, long way)
{
    if (way == 2)
        by_weight(v, s, table, y, rows, columns, depth);
    else
        by_output(v, s, table, y, rows, columns, depth, way == 1);
}

// A layer of one image: im2col with the zero point in the padding, products, bias, scale, saturation to int8.
void lut_layer(const int8_t *x, const uint8_t *s, const int32_t *table, const int32_t *bias, float scale, int8_t *out,
               uint8_t *v, int32_t *y, long channels, long height, long width, long rows, long kernel, long pad,
               long stride, long way)
{
    long high = (height + 2 * pad - kernel) / stride + 1, wide = (width + 2 * pad - kernel) / stride + 1;
    long columns = high * wide, depth = channels * kernel * kernel, t = 0;
    long by_column = way == 2 ? 1 : depth, by_tap = way == 2 ? columns : 1;
    for (long c = 0; c < channels; c++)
        for (long i = 0; i < kernel; i++)
            for (long j = 0; j < kernel; j++, t++)
                for (long h = 0; h < high; h++)
                    for (long w = 0; w < wide; w++) {
                        long from_h = h * stride + i - pad, from_w = w * stride + j - pad;
                        bool inside = from_h >= 0 && from_h < height && from_w >= 0 && from_w < width;
                        int8_t value = inside ? x[(c * height + from_h) * width + from_w] : 0;
                        v[t * by_tap + (h * wide + w) * by_column] = (uint8_t)value;
                    }
    for (long r = 0; r < rows; r++)
        for (long c = 0; c < columns; c++)
            y[r * columns + c] = bias[r];
    lut_products(v, s, table, y, rows, columns, depth, way);
    for (long i = 0; i < rows * columns; i++) {
        float scaled = __builtin_nearbyintf((float)y[i] * scale);
        out[i] = (int8_t)(scaled < -128.f ? -128.f : scaled > 127.f ? 127.f : scaled);
    }
}
}
