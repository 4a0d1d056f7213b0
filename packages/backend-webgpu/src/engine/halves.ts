/** Elements of a tensor that is stored in half precision: one of them, or neighbours together. */
export type HalfElement = 'half' | 'vec2<half>' | 'vec4<half>';

/** How shaders bind a half-stored tensor that they would read as `element`. */
export function halfOf(element: string): HalfElement {
  const half = ({ f32: 'half', 'vec2<f32>': 'vec2<half>', 'vec4<f32>': 'vec4<half>' } as const)[element];
  if (!half) throw new Error(`formers-webgpu: a tensor that is stored in halves can't be read as ${element}`);
  return half;
}

/** Whether elements are halves. */
export function isHalf(element: string): element is HalfElement {
  return element.includes('half');
}

/** What their buffer holds in WGSL: two halves in each word, which needs no feature of a device. */
export function packedElement(element: HalfElement): 'u32' | 'vec2<u32>' {
  return element === 'vec4<half>' ? 'vec2<u32>' : 'u32';
}

/**
 * Rounds to the nearest half, of two to the even one; WGSL leaves that open, and also what comes of numbers beyond 65,504. Those become infinite here, and NaN stays NaN,
 * so that a loss tells of them.
 */
const PACK = `
fn packHalves(value: vec4f) -> vec2u {
  let bits = bitcast<vec4u>(value);
  let magnitude = bits & vec4u(0x7fffffffu);
  let nearest = (bits + vec4u(0xfffu) + ((bits >> vec4u(13u)) & vec4u(1u))) & vec4u(0xffffe000u);
  let isSmall = magnitude < vec4u(0x38800000u); // 2^-14: halves have fewer bits below
  let isFinite = magnitude < vec4u(0x477ff000u); // 65,520
  let finite = bitcast<vec4f>(select(vec4u(), select(nearest, bits, isSmall), isFinite));
  let sign = (bits >> vec4u(16u)) & vec4u(0x8000u);
  let infinite = sign | select(vec4u(0x7c00u), vec4u(0x7e00u), magnitude > vec4u(0x7f800000u));
  let rest = select(infinite, vec4u(), isFinite);
  return vec2u(pack2x16float(finite.xy), pack2x16float(finite.zw)) | vec2u(rest.x | (rest.y << 16u), rest.z | (rest.w << 16u));
}`;

const LOADS: Readonly<Record<HalfElement, (name: string) => string>> = {
  half: (name) => `-> f32 { return unpack2x16float(${name}[i / 2u])[i % 2u]; }`,
  'vec2<half>': (name) => `-> vec2f { return unpack2x16float(${name}[i]); }`,
  'vec4<half>': (name) => `-> vec4f { return vec4f(unpack2x16float(${name}[i].x), unpack2x16float(${name}[i].y)); }`,
};

/** Functions that read the tensors, by name, and write those that are written; see {@link throughAccessors}. */
export function accessors(
  reads: readonly (readonly [name: string, element: string])[],
  writes: readonly (readonly [name: string, element: string])[],
): string {
  const halves = [...reads, ...writes].filter(([, element]) => isHalf(element)) as [string, HalfElement][];
  const written = writes.filter(([, element]) => isHalf(element));
  return [
    ...halves.map(([name, element]) => `fn ${name}FromHalves(i: u32) ${LOADS[element](name)}`),
    ...(written.length > 0 ? [PACK] : []),
    ...written.map(([name]) => `fn ${name}ToHalves(i: u32, value: vec4f) { ${name}[i] = packHalves(value); }`),
  ].join('\n');
}

/**
 * WGSL whose tensors `names` are stored in halves: `x[i]` becomes `xFromHalves(u32(i))`, and the statement `x[i] = value;` becomes `xToHalves(u32(i), value);`. Kernels are
 * written once, for float32; they may not index other things that have the name of a tensor.
 */
export function throughAccessors(code: string, names: readonly string[]): string {
  if (names.length === 0) return code;
  const access = new RegExp(`(?<![\\w.])(${names.join('|')})\\[`, 'g');
  let result = '';
  let end = 0;
  for (let found = access.exec(code); found; found = access.exec(code)) {
    const [opening, name] = found as unknown as [string, string];
    const start = found.index + opening.length;
    const close = closing(code, start);
    const index = `u32(${throughAccessors(code.slice(start, close), names)})`;
    const assigned = /^\s*([-+*/|&^]?)=(?!=)/.exec(code.slice(close + 1));
    result += code.slice(end, found.index);
    if (assigned?.[1]) throw new Error(`formers-webgpu: ${name} is stored in halves: no ${assigned[1]}=`);
    if (assigned) {
      const value = close + 1 + assigned[0].length;
      end = code.indexOf(';', value);
      result += `${name}ToHalves(${index},${throughAccessors(code.slice(value, end), names)})`;
    } else {
      end = close + 1;
      result += `${name}FromHalves(${index})`;
    }
    access.lastIndex = end;
  }
  return result + code.slice(end);
}

/** Where the bracket closes that was opened before `start`. */
function closing(code: string, start: number): number {
  let depth = 1;
  for (let i = start; i < code.length; i++) {
    if (code[i] === '[') depth++;
    else if (code[i] === ']' && --depth === 0) return i;
  }
  throw new Error('formers-webgpu: a bracket of a shader is not closed');
}
