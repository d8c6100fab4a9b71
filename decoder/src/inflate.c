#include "inflate.h"

enum { LONGEST_CODE = 15, LITERALS = 288, DISTANCES = 32, LENGTH_CODES = 19 };

typedef struct bits {
  const uint8_t *data;
  size_t size, at;
  uint64_t held;
  unsigned count;
  int overrun;
} bits;

/* A canonical prefix code: how many codes there are of each length, and the symbols in the order of their codes. */
typedef struct code {
  uint16_t count[LONGEST_CODE + 1];
  uint16_t symbol[LITERALS];
} code;

typedef struct output {
  uint8_t *data;
  size_t size, at;
} output;

static uint32_t peek(bits *in, unsigned n) {
  while (in->count < n) {
    const uint64_t byte = in->at < in->size ? in->data[in->at] : 0;
    in->held |= byte << in->count;
    in->at++;
    in->count += 8;
  }
  return (uint32_t)(in->held & (((uint64_t)1 << n) - 1));
}

static void skip(bits *in, unsigned n) {
  in->held >>= n;
  in->count -= n;
  in->overrun |= in->at - in->count / 8 > in->size;
}

static uint32_t take(bits *in, unsigned n) {
  const uint32_t value = peek(in, n);
  skip(in, n);
  return value;
}

/* Build a code from the lengths of its symbols; false if more codes are asked for than there are, or, unless `lone`, fewer. */
static int build(code *made, const uint8_t *lengths, unsigned symbols, int lone) {
  uint16_t next[LONGEST_CODE + 2] = {0};
  unsigned used = 0;
  int32_t left = 1;
  memset(made->count, 0, sizeof made->count);
  for (unsigned s = 0; s < symbols; s++) made->count[lengths[s]]++;
  used = symbols - made->count[0];
  made->count[0] = 0;
  for (unsigned n = 1; n <= LONGEST_CODE; n++) {
    left = left * 2 - made->count[n];
    if (left < 0) return 0;
    next[n + 1] = (uint16_t)(next[n] + made->count[n]);
  }
  for (unsigned s = 0; s < symbols; s++)
    if (lengths[s]) made->symbol[next[lengths[s]]++] = (uint16_t)s;
  return left == 0 || (lone && used <= 1);
}

/* The next symbol; -1 for bits that are no code. */
static int symbol_of(bits *in, const code *from) {
  uint32_t ahead = peek(in, LONGEST_CODE);
  int32_t value = 0, first = 0, index = 0;
  for (unsigned n = 1; n <= LONGEST_CODE; n++) {
    const int32_t count = from->count[n];
    value |= (int32_t)(ahead & 1);
    ahead >>= 1;
    if (value - count < first) {
      skip(in, n);
      return from->symbol[index + value - first];
    }
    index += count;
    first = (first + count) << 1;
    value <<= 1;
  }
  return -1;
}

static int copy_stored(bits *in, output *out) {
  skip(in, in->count % 8);
  const uint32_t length = take(in, 16), inverse = take(in, 16);
  if ((length ^ inverse) != 0xFFFF || length > out->size - out->at) return 0;
  for (uint32_t i = 0; i < length && !in->overrun; i++) out->data[out->at++] = (uint8_t)take(in, 8);
  return !in->overrun;
}

static int copy_match(bits *in, output *out, const code *distances, unsigned symbol) {
  static const uint16_t LENGTH[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                      31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
  static const uint8_t LENGTH_BITS[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
  static const uint16_t DISTANCE[30] = {1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
                                        193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
  if (symbol > 285) return 0;
  const size_t length = LENGTH[symbol - 257] + take(in, LENGTH_BITS[symbol - 257]);
  const int place = symbol_of(in, distances);
  if (place < 0 || place > 29) return 0;
  const size_t distance = DISTANCE[place] + (size_t)take(in, place < 2 ? 0 : (unsigned)place / 2 - 1);
  if (distance > out->at || length > out->size - out->at) return 0;
  for (size_t i = 0; i < length; i++, out->at++) out->data[out->at] = out->data[out->at - distance];
  return 1;
}

static int copy_coded(bits *in, output *out, const code *literals, const code *distances) {
  for (;;) {
    const int symbol = symbol_of(in, literals);
    if (symbol < 0 || in->overrun) return 0;
    if (symbol == 256) return 1;
    if (symbol < 256) {
      if (out->at == out->size) return 0;
      out->data[out->at++] = (uint8_t)symbol;
    } else if (!copy_match(in, out, distances, (unsigned)symbol)) {
      return 0;
    }
  }
}

static int fixed_codes(code *literals, code *distances) {
  uint8_t lengths[LITERALS];
  for (unsigned s = 0; s < LITERALS; s++) lengths[s] = s < 144 ? 8 : s < 256 ? 9 : s < 280 ? 7 : 8;
  int fits = build(literals, lengths, LITERALS, 0);
  memset(lengths, 5, DISTANCES);
  return fits && build(distances, lengths, DISTANCES, 0);
}

/* Lengths of both codes, which are themselves coded, with runs. */
static int read_lengths(bits *in, const code *from, uint8_t *lengths, unsigned wanted) {
  for (unsigned n = 0; n < wanted;) {
    const int symbol = symbol_of(in, from);
    if (symbol < 0 || in->overrun || (symbol == 16 && n == 0)) return 0;
    if (symbol < 16) {
      lengths[n++] = (uint8_t)symbol;
      continue;
    }
    const uint8_t repeated = symbol == 16 ? lengths[n - 1] : 0;
    unsigned times = symbol == 16 ? 3 + take(in, 2) : symbol == 17 ? 3 + take(in, 3) : 11 + take(in, 7);
    if (times > wanted - n) return 0;
    while (times--) lengths[n++] = repeated;
  }
  return 1;
}

static int sent_codes(bits *in, code *literals, code *distances) {
  static const uint8_t ORDER[LENGTH_CODES] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  uint8_t lengths[LITERALS + DISTANCES] = {0};
  const unsigned of_literals = 257 + take(in, 5), of_distances = 1 + take(in, 5), sent = 4 + take(in, 4);
  if (of_literals > 286 || of_distances > 30) return 0;
  for (unsigned i = 0; i < sent; i++) lengths[ORDER[i]] = (uint8_t)take(in, 3);
  if (!build(literals, lengths, LENGTH_CODES, 0)) return 0;
  memset(lengths, 0, sizeof lengths);
  if (!read_lengths(in, literals, lengths, of_literals + of_distances) || lengths[256] == 0) return 0;
  return build(literals, lengths, of_literals, 1) && build(distances, lengths + of_literals, of_distances, 1);
}

static int inflate(bits *in, output *out) {
  code literals, distances;
  uint32_t last = 0;
  while (!last) {
    last = take(in, 1);
    const uint32_t kind = take(in, 2);
    if (in->overrun || kind == 3) return 0;
    if (kind == 0) {
      if (!copy_stored(in, out)) return 0;
      continue;
    }
    if (!(kind == 1 ? fixed_codes(&literals, &distances) : sent_codes(in, &literals, &distances))) return 0;
    if (!copy_coded(in, out, &literals, &distances)) return 0;
  }
  skip(in, in->count % 8);
  in->at -= in->count / 8;
  return !in->overrun;
}

static uint32_t adler32(const uint8_t *data, size_t length) {
  enum { MODULUS = 65521, SAFE = 5552 };
  uint32_t a = 1, b = 0;
  for (size_t i = 0; i < length;) {
    const size_t end = length - i > SAFE ? i + SAFE : length;
    for (; i < end; i++) {
      a += data[i];
      b += a;
    }
    a %= MODULUS;
    b %= MODULUS;
  }
  return b << 16 | a;
}

voxz_status vx_unzip(vx_task *task, const uint8_t *data, size_t size, uint8_t *out, size_t length) {
  const int header = size >= 6 && (data[0] & 15) == 8 && data[0] >> 4 <= 7 && (data[0] * 256 + data[1]) % 31 == 0 && !(data[1] & 32);
  VX_CHECK(task, header, "stored bytes are no zlib stream");
  bits in = {data + 2, size - 6, 0, 0, 0, 0};
  output to = {out, length, 0};
  const int whole = inflate(&in, &to) && in.at == in.size && to.at == length;
  VX_CHECK(task, whole, "stored bytes do not unpack to as many as were expected");
  const uint8_t *sum = data + size - 4;
  const uint32_t told = (uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 | sum[3];
  VX_CHECK(task, told == adler32(out, length), "stored bytes do not match their checksum");
  return VOXZ_OK;
}
