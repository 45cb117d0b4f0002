// Offline use: the service worker.

/** Lets the service worker keep all that is loaded from here on, for the next time without a network. */
export async function prepareOffline() {
  if (!navigator.serviceWorker) return;
  await navigator.serviceWorker.register('worker.js');
  if (navigator.serviceWorker.controller) return;
  await Promise.race([new Promise((resolve) => setTimeout(resolve, 3000)),
    new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve, {once: true}))]);
}
