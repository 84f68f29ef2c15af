import { LinnetError, loadModel } from '@linnet/runtime-web';
import { createPad } from './pad.js';

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const status = element('status');
const progress = element<HTMLProgressElement>('progress');
const verdict = element<HTMLOutputElement>('digit');
const seen = element<HTMLCanvasElement>('seen');

const bars = Array.from({ length: 10 }, (_, digit) => {
  const row = document.createElement('li');
  const label = document.createElement('span');
  const meter = document.createElement('meter');
  const share = document.createElement('span');
  label.textContent = String(digit);
  meter.max = 1;
  meter.setAttribute('aria-label', `probability of ${digit}`);
  share.className = 'share';
  row.append(label, meter, share);
  element('bars').append(row);
  return { row, meter, share };
});

function showProbabilities(probabilities: ArrayLike<number> | null): void {
  const values = probabilities === null ? [] : Array.from(probabilities);
  const best = values.indexOf(Math.max(...values));
  verdict.textContent = probabilities === null ? '–' : String(best);
  bars.forEach(({ row, meter, share }, digit) => {
    meter.value = values[digit] ?? 0;
    share.textContent = probabilities === null ? '' : `${(100 * values[digit]).toFixed(0)} %`;
    row.classList.toggle('best', digit === best);
  });
}

function showWhatIsSeen(image: Float32Array | null): void {
  const context = seen.getContext('2d');
  if (context === null) return;
  context.clearRect(0, 0, seen.width, seen.height);
  image?.forEach((ink, cell) => {
    context.fillStyle = `rgb(255 255 255 / ${ink})`;
    context.fillRect(cell % 8, Math.floor(cell / 8), 1, 1);
  });
}

async function start(): Promise<void> {
  const threads = Number(new URLSearchParams(location.search).get('threads') ?? 1);
  const model = await loadModel(new URL('digits.tflite', document.baseURI), {
    threads,
    onProgress: ({ loaded, total }) => {
      if (total) progress.value = loaded / total;
    },
  });
  progress.hidden = true;
  const { backend, build, threads: used } = model.info;
  const where = `${backend} (${build}), ${used} thread${used === 1 ? '' : 's'}`;
  status.textContent = `Ready: ${where}`;

  let wanted = 0;
  const pad = createPad(element<HTMLCanvasElement>('pad'), async () => {
    const turn = ++wanted;
    const image = pad.image();
    showWhatIsSeen(image);
    document.body.toggleAttribute('data-drawn', image !== null);
    if (image === null) {
      showProbabilities(null);
      return;
    }
    const begin = performance.now();
    const [output] = Object.values(await model.run([image]));
    const milliseconds = performance.now() - begin;
    // A newer stroke has its own run under way.
    if (turn !== wanted) return;
    showProbabilities(output.data as Float32Array);
    status.textContent = `${milliseconds.toFixed(2)} ms on ${where}`;
  });
  element('clear').addEventListener('click', () => pad.clear());
  document.body.dataset.state = 'ready';
}

start().catch((error: unknown) => {
  progress.hidden = true;
  status.textContent =
    error instanceof LinnetError ? error.format() : `Could not start: ${String(error)}`;
  document.body.dataset.state = 'failed';
});
showProbabilities(null);
