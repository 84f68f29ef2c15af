import { defineConfig } from 'vite';

// With these headers the page may share memory with workers, which threads need.
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({
  base: './',
  server: { headers },
  preview: { headers },
  build: { target: 'es2022' },
  worker: { format: 'es' },
});
