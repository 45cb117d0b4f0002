// Browsers refuse workers to pages that are opened as files; there the search runs in a frame instead.
if (location.protocol === "file:")
  window.Worker = class extends EventTarget {
    constructor(address) {
      super()
      this.waiting = []
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      const inside = frame.contentWindow
      const load = (source) =>
        new Promise((resolve, reject) => {
          const script = inside.document.createElement("script")
          Object.assign(script, { src: source, onload: resolve, onerror: reject })
          inside.document.body.append(script)
        })
      inside.importScripts = (...sources) => sources.reduce((before, source) => before.then(() => load(source)), Promise.resolve())
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }))
      load(address).then(() => {
        this.send = (data) => inside.dispatchEvent(new inside.MessageEvent("message", { data }))
        this.waiting.forEach(this.send)
      })
    }

    postMessage(data) {
      this.send ? this.send(data) : this.waiting.push(data)
    }
  }
