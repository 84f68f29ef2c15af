/** A canvas to draw on, and what the network sees of it. */
export interface Pad {
  clear(): void;
  /**
   * The drawing as the digits data set has its images: the strokes moved and scaled to fill a
   * 32x32 bitmap, then the share of ink in each of 8x8 blocks of 4x4 pixels, row by row, 0 to 1.
   * null when nothing is drawn.
   *
   * Source: UCI Optical Recognition of Handwritten Digits, preprocessing by NIST's HSF tools.
   */
  image(): Float32Array | null;
}

const BITMAP = 32;
const CELLS = 8;
const STROKE = 26;
/** Blank border of the bitmap, in pixels. */
const MARGIN = 1;

export function createPad(canvas: HTMLCanvasElement, onChange: () => void): Pad {
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('this browser gives no 2D canvas');
  context.lineWidth = STROKE;
  context.lineCap = 'round';
  context.lineJoin = 'round';
  context.strokeStyle = '#fff';

  const position = (event: PointerEvent): [number, number] => {
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * canvas.width) / box.width,
      ((event.clientY - box.top) * canvas.height) / box.height,
    ];
  };
  let last: [number, number] | null = null;
  const drawTo = (point: [number, number]) => {
    context.beginPath();
    context.moveTo(...(last ?? point));
    context.lineTo(...point);
    context.stroke();
    last = point;
    onChange();
  };
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    drawTo(position(event));
  });
  canvas.addEventListener('pointermove', (event) => {
    if (last !== null) drawTo(position(event));
  });
  for (const end of ['pointerup', 'pointercancel'] as const) {
    canvas.addEventListener(end, () => {
      last = null;
    });
  }

  return {
    clear() {
      context.clearRect(0, 0, canvas.width, canvas.height);
      onChange();
    },
    image: () => toBlocks(context.getImageData(0, 0, canvas.width, canvas.height)),
  };
}

function toBlocks(drawing: ImageData): Float32Array | null {
  const box = inkBounds(drawing);
  if (box === null) return null;
  const size = Math.max(box.right - box.left, box.bottom - box.top) + 1;
  const step = size / (BITMAP - 2 * MARGIN);
  const originX = (box.left + box.right + 1) / 2 - (BITMAP / 2) * step;
  const originY = (box.top + box.bottom + 1) / 2 - (BITMAP / 2) * step;
  const blocks = new Float32Array(CELLS * CELLS);
  const block = BITMAP / CELLS;
  for (let y = 0; y < BITMAP; y++) {
    for (let x = 0; x < BITMAP; x++) {
      const inked = isInk(
        drawing,
        Math.floor(originX + (x + 0.5) * step),
        Math.floor(originY + (y + 0.5) * step),
      );
      if (inked) blocks[Math.floor(y / block) * CELLS + Math.floor(x / block)] += 1 / block ** 2;
    }
  }
  return blocks;
}

function isInk({ data, width, height }: ImageData, x: number, y: number): boolean {
  return x >= 0 && y >= 0 && x < width && y < height && data[4 * (y * width + x) + 3] > 127;
}

function inkBounds(drawing: ImageData) {
  const { width, height } = drawing;
  const box = { left: width, top: height, right: -1, bottom: -1 };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!isInk(drawing, x, y)) continue;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y);
    }
  }
  return box.right < 0 ? null : box;
}
