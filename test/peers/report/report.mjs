/** docs/benchmarks.md from the figures of bench.mjs. */
import { isOurs, NAMES } from './names.mjs';

const NOTES = /<!-- notes -->[\s\S]*<!-- \/notes -->/;

/** Slowest ops to tell of. */
const SHOWN_OPS = 4;

/** Runtimes of the tables of whole models, ours first. */
const COLUMNS = ['linnet', 'litert', 'ort', 'tfjs'];

/**
 * @param {object} results of bench.mjs, all parts
 * @param {object} downloads of test/download-sizes.json
 * @param {string} earlier the page as it is; what stands between its marks of notes is kept
 */
export function writeReport(results, downloads, earlier) {
  const { machine, threads, race, layers } = results;
  const [notes = '<!-- notes -->\n<!-- /notes -->'] = NOTES.exec(earlier) ?? [];
  const wholes = threads.map((count) => wholeModels(race, count)).join('\n');
  return `# Benchmarks

Written by \`npm run bench:peers\`, which installs the peers, runs everything anew and fails where answers differ.
${machine.processor}, ${machine.cores} cores, Chromium ${machine.browser}, Node ${machine.node}; ${versions(machine.peers)}.

Each runtime has a browser of its own, cross-origin isolated, and is warm; they take turns. A run ends with the
output in a typed array. Times are medians and, in brackets, minima, in milliseconds. The limit is what the multiply-adds
of a model take on registers alone, by probes that are measured in the same browser. Only ratios within one run
of the command mean something: machines differ, and change with their load.

${notes}

${wholes}
## Where the time goes

Linnet's on one thread: the share of a run, and of the machine's peak where something is multiplied. Outside are inputs and
outputs.

${profiles(race)}

## WebGPU

On SwiftShader, which computes on the processor, so that all runtimes have the same adapter wherever this runs. Laps are few where
runs take seconds. Shaders are compiled when models are loaded, not in the first run.

${onWebgpu(race)}

## In Node, and without relaxed SIMD

Chromium has relaxed SIMD; Node 20 has it behind \`--experimental-wasm-relaxed-simd\`.

${elsewhere(race)}

## Memory

On one thread. Weights and arena as \`model.info\` tells, beside all of the WebAssembly memory. Resident is how far the
page's process grew until the first answer, the file and the compiled code included.

${memory(race)}

## Cold start and download

From the start of the navigation to the first scores of MobileNet v2 float32 for a picture, in pages bundled with Vite,
each opened ${results['cold-start'][0].times.length} times in turns with empty caches, from a server on the same machine, once the browser is through with making
the window and with nothing that follows what the page fetches. The longest task is the main thread's, the median of these
openings. The download is the JavaScript and the WebAssembly that the page fetches, gzip -9.

${coldStart(results['cold-start'])}

Linnet's JavaScript alone, which depends on what the model has, gzip -9, as \`npm run download-sizes -w test\` records it:

${scripts(downloads.scripts)}

## Single layers

float32, one thread, kernels alone: without inputs, outputs and calls.

${layerTable(layers)}
`;
}

function versions(peers) {
  return Object.entries(peers)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
}

function wholeModels(race, threads) {
  const results = race.filter((result) => result.threads === threads && hasLane(result, 'linnet'));
  if (results.length === 0) return '';
  const alone = new Map(
    race.filter((result) => result.threads === 1).map((result) => [result.model, result]),
  );
  const rows = results.map((result) => {
    const ours = laneOf(result, 'linnet');
    const single = alone.get(result.model);
    return [
      result.title,
      ...COLUMNS.map((runtime) => times(laneOf(result, runtime))),
      fastestPeer(result, ours),
      result.limit ? percent(result.limit.ofPeak) : '–',
      ...(threads > 1
        ? [single ? `${(laneOf(single, 'linnet').median / ours.median).toFixed(2)}x` : '–']
        : []),
    ];
  });
  const head = [
    'Model',
    ...COLUMNS.map((runtime) => NAMES[runtime]),
    'Fastest peer / Linnet',
    'Of the limit',
    ...(threads > 1 ? ['Linnet, 1 thread / this'] : []),
  ];
  return `## ${threads === 1 ? 'One thread' : `${threads} threads`}

![Times relative to Linnet's](benchmarks-${threads}.svg)

${table(head, rows)}
`;
}

/** How many times as long as ours the fastest peer takes, by medians and by minima. */
function fastestPeer({ lanes }, ours) {
  const peers = lanes.filter(({ runtime }) => !isOurs(runtime));
  const ratio = (key) => Math.min(...peers.map((peer) => peer[key])) / ours[key];
  return `${ratio('median').toFixed(2)}x (${ratio('minimum').toFixed(2)}x)`;
}

/** How many times as long as the median the first run takes. */
function firstRun({ first, median }) {
  return `${(first / median).toFixed(2)}x`;
}

/** On SwiftShader. First runs are shown because shaders that are compiled in them freeze pages. */
function onWebgpu(race) {
  const rows = race
    .filter((result) => hasLane(result, 'linnet-webgpu'))
    .map((result) => [
      result.title,
      ...COLUMNS.map((runtime) => times(laneOf(result, `${runtime}-webgpu`))),
      fastestPeer(result, laneOf(result, 'linnet-webgpu')),
      firstRun(laneOf(result, 'linnet-webgpu')),
    ]);
  const head = [
    'Model',
    ...COLUMNS.map((runtime) => NAMES[runtime]),
    'Fastest peer / Linnet',
    "Linnet's first run / median",
  ];
  return table(head, rows);
}

function profiles(race) {
  const rows = race
    .filter((result) => result.threads === 1 && hasLane(result, 'linnet'))
    .map(({ title, profile: { total, outside, ops } }) => {
      const share = (milliseconds) => percent(milliseconds / total.milliseconds);
      const parts = ops
        .slice(0, SHOWN_OPS)
        .map(
          ({ op, milliseconds: time, ofPeak }) =>
            `${op} ${share(time)}${ofPeak === null ? '' : ` (${percent(ofPeak)} of peak)`}`,
        );
      return [title, parts.join(', '), share(outside)];
    });
  return table(['Model', 'Ops', 'Outside'], rows);
}

function elsewhere(race) {
  const rows = race
    .filter(({ lanes }) => lanes.some(({ runtime }) => runtime.startsWith('linnet-node')))
    .map(({ title, threads, lanes }) => {
      const find = (...names) => lanes.find(({ runtime }) => names.includes(runtime));
      return [
        title,
        threads,
        times(find('linnet', 'linnet-simd')),
        times(find('linnet-node', 'linnet-node-simd')),
        times(find('litert', 'litert-compat')),
      ];
    });
  return table(['Model', 'Threads', 'Linnet', 'Linnet in Node', 'LiteRT.js'], rows);
}

function memory(race) {
  const rows = race
    .filter((result) => result.threads === 1 && hasLane(result, 'linnet'))
    .map((result) => {
      const { constants, arena, arenaLowerBound, total } = result.memory;
      return [
        result.title,
        megabytes(constants),
        `${megabytes(arena)} (${(arena / arenaLowerBound).toFixed(2)}x)`,
        `${megabytes(total)} (${(total / (constants + arena)).toFixed(2)}x)`,
        ...COLUMNS.map((runtime) => resident(laneOf(result, runtime))),
      ];
    });
  const head = [
    'Model, MB',
    'Weights',
    'Arena (of its lower bound)',
    'WebAssembly (of weights + arena)',
    ...COLUMNS.map((runtime) => `Resident, ${NAMES[runtime]}`),
  ];
  return table(head, rows);
}

/** Pages without a runtime. */
const FLOORS = { empty: 'An empty page', download: 'A page that only fetches the model' };

function coldStart(results) {
  const rows = results.map(({ page, times, longestTasks, downloadBytes }) => {
    const at = (sorted, q) => sorted[Math.floor(q * (sorted.length - 1))].toFixed(0);
    const size = page in FLOORS ? '–' : `${(downloadBytes / 1000).toFixed(0)} kB`;
    const longest = at(longestTasks, 0.5);
    return [
      FLOORS[page] ?? NAMES[page],
      `${at(times, 0.5)} ms`,
      `${at(times, 0.25)} to ${at(times, 0.75)} ms`,
      longest === '0' ? 'under 50 ms' : `${longest} ms`,
      size,
    ];
  });
  return table(['Page', 'Median', 'Middle half', 'Longest task', 'Download'], rows);
}

function scripts(sizes) {
  const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
  const rows = Object.entries(sizes).map(([model, { wasm, webgpu }]) => [
    model,
    kilobytes(wasm),
    kilobytes(webgpu),
  ]);
  return table(['Model', 'On WASM', 'On WebGPU'], rows);
}

function layerTable(layers) {
  const rows = layers.map(({ title, multiplyAdds, peakGigaflops, milliseconds }) => {
    const rate = (time) => multiplyAdds / time / 1e6;
    const { linnet, litert } = milliseconds;
    return [
      title,
      (multiplyAdds / 1e6).toFixed(1),
      rate(linnet).toFixed(1),
      percent((2 * rate(linnet)) / peakGigaflops),
      rate(litert).toFixed(1),
      `${(litert / linnet).toFixed(2)}x`,
    ];
  });
  const head = [
    'Layer',
    'MMAC',
    'Linnet, GMAC/s',
    'of peak',
    'LiteRT.js, GMAC/s',
    'LiteRT.js / Linnet',
  ];
  return table(head, rows);
}

const laneOf = ({ lanes }, name) => lanes.find(({ runtime }) => runtime === name);
const hasLane = (result, name) => laneOf(result, name) !== undefined;
const milliseconds = (value) => value.toFixed(value < 10 ? 2 : 1);
const times = (lane) =>
  lane ? `${milliseconds(lane.median)} (${milliseconds(lane.minimum)})` : '–';
const percent = (share) => `${(100 * share).toFixed(0)} %`;
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
const resident = (lane) => (lane?.peakMemory == null ? '–' : megabytes(lane.peakMemory));

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
