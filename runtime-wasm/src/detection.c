/** Choosing boxes from overlapping candidates. */
#include "kernels.h"
#include "mathd.h"

typedef struct {
  uint32_t box;
  float score;
  /** The selected boxes before this one have been compared with the candidate already. */
  uint32_t compared;
} candidate;

INLINE int precedes(candidate a, candidate b) {
  return a.score > b.score || (a.score == b.score && a.box < b.box);
}

/** Puts `moving` into the heap of n candidates, of which the first is free from `at` on. */
static void sift_down(candidate *heap, uint32_t n, uint32_t at, candidate moving) {
  for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && precedes(heap[child + 1], heap[child])) child++;
    if (!precedes(heap[child], moving)) break;
    heap[at] = heap[child];
  }
  heap[at] = moving;
}

static float overlap(const float *a, const float *b) {
#define LOW(box, i) (box[i] < box[i + 2] ? box[i] : box[i + 2])
#define HIGH(box, i) (box[i] < box[i + 2] ? box[i + 2] : box[i])
  float areas[2] = {1, 1}, common = 1;
  for (uint32_t i = 0; i < 2; i++) {
    const float low_a = LOW(a, i), high_a = HIGH(a, i), low_b = LOW(b, i), high_b = HIGH(b, i);
    const float extent = (high_a < high_b ? high_a : high_b) - (low_a > low_b ? low_a : low_b);
    areas[0] *= high_a - low_a;
    areas[1] *= high_b - low_b;
    common *= extent > 0 ? extent : 0;
  }
#undef LOW
#undef HIGH
  if (!(areas[0] > 0) || !(areas[1] > 0)) return 0;
  return common / (areas[0] + areas[1] - common);
}

/**
 * Greedy non-maximum suppression: boxes float32[count, 4] as two opposite corners (y, x, y, x),
 * scores float32[count]. Takes the best candidate over score_threshold again and again and drops
 * those whose intersection over union with it reaches iou_threshold; with sigma > 0 the scores of
 * the others fall by e^(-iou^2 / (2 sigma)). Of equal scores the first box wins. Writes up to
 * `limit` indices and their scores (selected_scores may be null), zeros behind them, and their
 * number. The thresholds are scalars in memory, sigma may be null; `candidates` has room for
 * 12 * count bytes. One thread does it all. Source: TFLite's NON_MAX_SUPPRESSION_V4 and V5; Bodla
 * et al., Soft-NMS, 2017.
 */
void non_max_suppression(const non_max_suppression_params *p, uint32_t thread, uint32_t threads) {
  (void)threads;
  if (thread != 0) return;
  const float *boxes = p->boxes, *scores = p->scores;
  const float iou_threshold = *(const float *)p->iou_threshold;
  const float score_threshold = *(const float *)p->score_threshold;
  const float sigma = p->sigma ? *(const float *)p->sigma : 0;
  int32_t *indices = p->indices;
  float *selected_scores = p->selected_scores;
  candidate *heap = p->candidates;
  uint32_t n = 0, selected = 0;
  for (uint32_t i = 0; i < p->count; i++) {
    if (scores[i] > score_threshold) heap[n++] = (candidate){i, scores[i], 0};
  }
  for (uint32_t i = n / 2; i-- > 0;) sift_down(heap, n, i, heap[i]);
  while (selected < p->limit && n > 0) {
    candidate best = heap[0];
    const float before = best.score;
    int dropped = 0;
    for (uint32_t j = selected; j-- > best.compared && !dropped && best.score > score_threshold;) {
      const float iou = overlap(boxes + 4 * best.box, boxes + 4 * indices[j]);
      dropped = iou >= iou_threshold;
      if (!dropped && sigma > 0) {
        const double exponent = -0.5 * (double)iou * (double)iou / (double)sigma;
        best.score *= (float)exp_f64(exponent > -700 ? exponent : -700);
      }
    }
    best.compared = selected;
    if (!dropped && best.score == before) {
      indices[selected] = (int32_t)best.box;
      if (selected_scores) selected_scores[selected] = best.score;
      selected++;
      dropped = 1;
    }
    if (!dropped && best.score > score_threshold) {
      sift_down(heap, n, 0, best);
    } else {
      n--;
      if (n > 0) sift_down(heap, n, 0, heap[n]);
    }
  }
  *(int32_t *)p->selected = (int32_t)selected;
  for (uint32_t i = selected; i < p->limit; i++) {
    indices[i] = 0;
    if (selected_scores) selected_scores[i] = 0;
  }
}
