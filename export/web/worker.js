// Keeps what the page has loaded, for when there is no network: the network first, then what was kept.

const KEPT = 'filters-1';
const SHELL = ['./', 'page.css', 'page.js', 'filter.js', 'pixels.js', 'icon.svg', 'models.json', 'litert/core.js', 'litert/wasm-utils.js'];

self.addEventListener('install', (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(SHELL)));
});

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

async function answer(request) {
  const cache = await caches.open(KEPT);
  try {
    const fresh = await fetch(request);
    if (fresh.ok) await cache.put(request, fresh.clone());
    return fresh;
  } catch (error) {
    const kept = await cache.match(request);
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener('fetch', (event) => {
  const {request} = event;
  const own = new URL(request.url).href.startsWith(self.registration.scope);
  if (request.method === 'GET' && own && !request.url.includes('/v1/')) event.respondWith(answer(request));
});
