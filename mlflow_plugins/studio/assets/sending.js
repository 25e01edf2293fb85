// Sends files in pieces to the studio's own routes (_uploads.py), through dropped connections,
// restarted servers and reloaded pages. Knows nothing of how a page shows it.
//
//   const sending = studioSending.start(address, [{ path, file }], { purpose, shown }, onChange);
//   sending.pause(); sending.resume(); sending.cancel(); await sending.ended;
//
// onChange gets { state, sent, total, speed, left, message, shown }; state is one of sending, waiting,
// paused, done, failed, cancelled.
window.studioSending = (() => {
  const STORE = "studio-upload:";
  const LEAST_PIECE = 256 * 1024, FIRST_PIECE = 1024 * 1024;
  const QUICK_MS = 1000, SLOW_MS = 8000, STUCK_MS = 120000;
  const FIRST_PAUSE_MS = 1000, LONGEST_PAUSE_MS = 15000;
  const MOST_DAMAGED = 5;

  const table = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
    return n >>> 0;
  });

  const crc32 = (bytes) => {
    let value = 0xffffffff;
    for (let at = 0; at < bytes.length; at += 1) value = table[(value ^ bytes[at]) & 255] ^ (value >>> 8);
    return (value ^ 0xffffffff) >>> 0;
  };

  // The same files chosen again are known by their names, sizes and times.
  const keyOf = (address, files) => {
    const listed = JSON.stringify(files.map(({ path, file }) => [path, file.size, file.lastModified]));
    return `${STORE}${address}:${files.length}:${crc32(new TextEncoder().encode(listed))}`;
  };

  const remember = (key, value) => {
    try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* private mode: no resuming */ }
  };
  const recall = (key) => {
    try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
  };
  const forget = (key) => {
    try { localStorage.removeItem(key); } catch { /* there was nothing */ }
  };

  // What was begun from this browser and not ended.
  const unfinished = (address) => {
    const found = [];
    try {
      for (let at = 0; at < localStorage.length; at += 1) {
        const key = localStorage.key(at);
        if (key.startsWith(`${STORE}${address}:`)) found.push({ key, ...recall(key) });
      }
    } catch { /* no storage */ }
    return found.filter((one) => one.token);
  };

  class Unreachable extends Error {}
  class Refused extends Error {
    constructor(status, document) {
      super(document.message || `The server answered ${status}.`);
      this.status = status;
      this.received = document.received;
    }
  }

  // Asks the server; what may be over in a moment is Unreachable, all else that is no success Refused.
  const ask = async (address, options, signal) => {
    const stuck = AbortSignal.timeout(STUCK_MS);
    let answer;
    try {
      answer = await fetch(address, { ...options, headers: withWorkspace(options.headers || {}), signal: AbortSignal.any([signal, stuck]) });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new Unreachable("The server does not answer.");
    }
    const document = await answer.json().catch(() => ({}));
    if (answer.status >= 500 || answer.status === 429) throw new Unreachable(document.message || `The server answered ${answer.status}.`);
    if (!answer.ok) throw new Refused(answer.status, document);
    return document;
  };

  class Sending {
    constructor(address, files, { purpose = "data", shown = "" }, onChange) {
      Object.assign(this, { address, files, purpose, shown: shown || files[0].path, onChange });
      this.total = files.reduce((sum, { file }) => sum + file.size, 0);
      this.key = keyOf(address, files);
      this.sent = 0;
      this.pieceBytes = FIRST_PIECE;
      this.marks = [];
      this.control = new AbortController();
      this.ended = this.run();
    }

    show(state, message = "") {
      this.state = state;
      const speed = this.speed();
      const left = speed > 0 ? (this.total - this.sent) / speed : null;
      this.onChange({ state, message, sent: this.sent, total: this.total, speed, left, shown: this.shown });
    }

    // Bytes per second over the last seconds.
    speed() {
      const now = performance.now();
      this.marks = this.marks.filter((mark) => now - mark.at < 6000);
      if (this.marks.length < 2) return 0;
      const [first, last] = [this.marks[0], this.marks[this.marks.length - 1]];
      return last.at > first.at ? (1000 * (last.sent - first.sent)) / (last.at - first.at) : 0;
    }

    pause() {
      if (this.state !== "sending" && this.state !== "waiting") return;
      this.isPaused = true;
      this.control.abort();
    }

    resume() {
      this.isPaused = false;
      this.wake?.();
    }

    async cancel() {
      this.isCancelled = true;
      this.control.abort();
      this.wake?.();
      forget(this.key);
      if (this.token) await ask(`${this.address}/${this.token}`, { method: "DELETE" }, new AbortController().signal).catch(() => {});
    }

    async run() {
      let pause = FIRST_PAUSE_MS;
      for (;;) {
        try {
          await this.sendAll(() => { pause = FIRST_PAUSE_MS; });
          forget(this.key);
          this.show("done");
          return this.token;
        } catch (error) {
          if (this.isCancelled) {
            this.show("cancelled");
            return null;
          }
          if (this.isPaused) {
            await this.untilResumed();
          } else if (error instanceof Unreachable) {
            await this.untilNextTry(pause, error.message);
            pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
          } else {
            if (error instanceof Refused && error.status === 404) forget(this.key);
            this.show("failed", error.message);
            return null;
          }
        }
      }
    }

    async untilResumed() {
      this.show("paused");
      await new Promise((resolve) => { this.wake = resolve; });
      this.control = new AbortController();
    }

    // Waits, counting down; going online again ends it at once.
    async untilNextTry(milliseconds, message) {
      const end = performance.now() + milliseconds;
      let isAwake = false;
      this.wake = () => { isAwake = true; };
      const online = () => { isAwake = true; };
      window.addEventListener("online", online);
      while (!isAwake && !this.isPaused && !this.isCancelled && performance.now() < end) {
        const seconds = Math.ceil((end - performance.now()) / 1000);
        this.show("waiting", `${message} Trying again in ${seconds} s. What was sent is kept.`);
        await new Promise((resolve) => { setTimeout(resolve, 250); });
      }
      window.removeEventListener("online", online);
      if (this.isPaused) await this.untilResumed();
      this.marks = [];
      this.control = new AbortController();
    }

    // Learns how much has come, then sends the rest.
    async sendAll(onSuccess) {
      const received = await this.begin();
      onSuccess();
      this.sent = received.reduce((sum, bytes) => sum + bytes, 0);
      this.show("sending", this.sent ? "Going on from where it was." : "");
      for (let index = 0; index < this.files.length; index += 1) {
        await this.sendFile(index, received[index], onSuccess);
      }
    }

    async begin() {
      const kept = this.token || (this.purpose === "data" ? recall(this.key)?.token : null);
      if (kept) {
        try {
          const status = await ask(`${this.address}/${kept}`, { method: "GET" }, this.control.signal);
          this.token = kept;
          return status.received;
        } catch (error) {
          // The server has forgotten an upload of another day; one of now would have failed.
          if (!(error instanceof Refused) || this.token) throw error;
        }
      }
      const files = this.files.map(({ path, file }) => ({ path, size_bytes: file.size }));
      const body = JSON.stringify({ files, purpose: this.purpose, shown: this.shown });
      const headers = { "Content-Type": "application/json" };
      const begun = await ask(this.address, { method: "POST", headers, body }, this.control.signal);
      this.token = begun.token;
      this.mostBytes = begun.piece_bytes;
      if (this.purpose === "data") {
        remember(this.key, { token: this.token, shown: this.shown, total: this.total, at: Date.now() });
      }
      return begun.received;
    }

    async sendFile(index, received, onSuccess) {
      const { path, file } = this.files[index];
      let at = received, damaged = 0;
      while (at < file.size) {
        const end = Math.min(at + this.pieceBytes, file.size);
        const bytes = await file.slice(at, end).arrayBuffer().catch(() => {
          throw new Error(`${path} cannot be read any more. Did it change or move? Choose it again.`);
        });
        const began = performance.now();
        const next = await this.sendPiece(index, at, new Uint8Array(bytes)).catch((error) => {
          if (error instanceof Refused && error.status === 409) return error.received;
          if (error instanceof Refused && /damaged/.test(error.message) && (damaged += 1) < MOST_DAMAGED) return at;
          throw error;
        });
        this.adapt(performance.now() - began);
        this.sent += next - at;
        at = next;
        this.marks.push({ at: performance.now(), sent: this.sent });
        onSuccess();
        this.show("sending");
      }
    }

    async sendPiece(index, at, bytes) {
      const query = `file=${index}&offset=${at}&crc32=${crc32(bytes)}`;
      const headers = { "Content-Type": "application/octet-stream" };
      const options = { method: "PUT", headers, body: bytes };
      return (await ask(`${this.address}/${this.token}?${query}`, options, this.control.signal)).received;
    }

    // Large pieces on a quick line, small ones on a slow one, so that progress shows on both.
    adapt(milliseconds) {
      if (milliseconds < QUICK_MS) this.pieceBytes = Math.min(2 * this.pieceBytes, this.mostBytes || 8 * FIRST_PIECE);
      if (milliseconds > SLOW_MS) this.pieceBytes = Math.max(this.pieceBytes / 2, LEAST_PIECE);
    }
  }

  return { start: (...given) => new Sending(...given), unfinished, forget, crc32 };
})();
