import type { KernelDeclaration } from './kernel.js';

/** src/detection.c */
export const DETECTION_KERNELS = {
  non_max_suppression: {
    boxes: 'in',
    scores: 'in',
    iou_threshold: 'in',
    score_threshold: 'in',
    sigma: 'in',
    indices: 'out',
    selected_scores: 'out',
    selected: 'out',
    candidates: 'temp',
    count: 'u32',
    limit: 'u32',
  },
} as const satisfies Record<string, KernelDeclaration>;
