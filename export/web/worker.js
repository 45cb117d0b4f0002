// Keeps what the page has loaded, for when there is no network: the network first, then what was kept.

const KEPT = 'filters-2';

/** All of the page but models and LiteRT.js's variants, which are kept when they are used. */
async function shell() {
  const {files} = await (await fetch('models.json')).json();
  return ['./', 'models.json', ...files.filter((file) => !/^(models|litert\/wasm)\//.test(file) && file !== 'models.json')];
}

self.addEventListener('install', (event) => {
  self.skipWaiting();
  event.waitUntil(Promise.all([caches.open(KEPT), shell()]).then(([cache, files]) => cache.addAll(files)));
});

async function takeOver() {
  for (const name of await caches.keys()) if (name !== KEPT) await caches.delete(name);
  await self.clients.claim();
}

self.addEventListener('activate', (event) => event.waitUntil(takeOver()));

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
