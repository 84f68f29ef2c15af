/**
 * The numbers of GPUBufferUsage, GPUTextureUsage, GPUMapMode and GPUShaderStage: environments that have WebGPU through
 * a package do not have the globals. Source: https://www.w3.org/TR/webgpu/#namespacedef-gpubufferusage
 */
export const BUFFER = {
  MAP_READ: 0x0001,
  COPY_SRC: 0x0004,
  COPY_DST: 0x0008,
  UNIFORM: 0x0040,
  STORAGE: 0x0080,
  QUERY_RESOLVE: 0x0200,
} as const;

export const TEXTURE = { COPY_DST: 0x02, TEXTURE_BINDING: 0x04, RENDER_ATTACHMENT: 0x10 } as const;

export const MAP_READ = 0x0001;

export const STAGE_COMPUTE = 0x4;
