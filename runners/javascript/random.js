// The two generators of seqkit, so that what is drawn here is what a run draws: NumPy's default, PCG64 (O'Neill 2014) seeded by
// its SeedSequence, and SplitMix64 (Steele, Lea and Flood 2014), whose numbers are functions of a key and a place.

const WORD = (number) => BigInt.asUintN(64, number);
const STATE = (number) => BigInt.asUintN(128, number);
const PCG = 0x2360ed051fc65da44385df649fccf645n;
const unit = (bits) => Number(bits >> 11n) * 2 ** -53;

// numpy.random.default_rng(seed).random(): a function that gives the next number, from 0 up to, but not including, 1.
export function generator(seed) {
  const [high, low, above, below] = words64(seedWords(BigInt(seed), 8));
  const increment = STATE((((above << 64n) | below) << 1n) | 1n);
  let state = 0n;
  const step = () => (state = STATE(state * PCG + increment));
  step();
  state = STATE(state + ((high << 64n) | low));
  step();
  return () => {
    step();
    const mixed = WORD((state >> 64n) ^ state);
    const turn = state >> 122n;
    return unit(WORD((mixed >> turn) | (mixed << (64n - turn))));
  };
}

// NumPy's SeedSequence: so many words of 32 bits, of a number of at least 0.
function seedWords(seed, count) {
  const entropy = [];
  for (let rest = seed; rest > 0n || !entropy.length; rest >>= 32n) entropy.push(Number(rest & 0xffffffffn));
  const scramble = (constant, factor) => (value) => {
    value ^= constant;
    constant = Math.imul(constant, factor);
    value = Math.imul(value, constant);
    return value ^ (value >>> 16);
  };
  const mix = (one, other) => {
    const both = Math.imul(one, 0xca01f9dd) - Math.imul(other, 0x4973f715);
    return both ^ (both >>> 16);
  };
  const into = scramble(0x43b0d7e5, 0x931e8875);
  const pool = [0, 1, 2, 3].map((place) => into(entropy[place] ?? 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to], into(pool[from]));
  }
  for (const word of entropy.slice(4)) {
    for (let to = 0; to < 4; to++) pool[to] = mix(pool[to], into(word));
  }
  const out = scramble(0x8b51f9dd, 0x58f38ded);
  return Array.from({ length: count }, (_, place) => BigInt(out(pool[place % 4]) >>> 0));
}

const words64 = (words) => words.filter((_, place) => place % 2 === 0).map((word, place) => word | (words[2 * place + 1] << 32n));

const GAMMA = 0x9e3779b97f4a7c15n; // 2^64 over the golden ratio
const [FIRST, SECOND] = [0xbf58476d1ce4e5b9n, 0x94d049bb133111ebn];

function mixed(word) {
  word = WORD((word ^ (word >> 30n)) * FIRST);
  word = WORD((word ^ (word >> 27n)) * SECOND);
  return word ^ (word >> 31n);
}

// A key of a row's arrays, int32 or float32, zeros aside, and of the seed: a BigInt of 64 bits.
export function rowKey(arrays, seed) {
  return arrays.reduce((key, { data }) => {
    const bits = data instanceof Float32Array ? new Int32Array(data.buffer, data.byteOffset, data.length) : data;
    let sum = 0n;
    bits.forEach((value, place) => {
      if (value) sum += mixed(WORD(BigInt(place + 1) * GAMMA + WORD(BigInt(value))));
    });
    return mixed(WORD(key + sum));
  }, mixed(BigInt(seed)));
}

// The key of a row's draw of this number, from 0.
export const drawKey = (key, draw) => mixed(WORD(key + BigInt(draw) * SECOND));

// Number `t` (from 0) of a key's stream, from 0 up to, but not including, 1.
export const uniform = (key, t) => unit(mixed(WORD(key + BigInt(t + 1) * GAMMA)));
