// Fills an unfolded log and, while its cell is not settled, goes on reading it. Whatever a log
// holds is put in as text; terminal codes are left out.

const EVERY = 700;
const PART = 1 << 18;
const KEPT_PARTS = 40;
const CODES = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const followed = new WeakSet();

class Log {
  constructor(details) {
    this.details = details;
    this.pre = details.querySelector("pre");
    this.offset = 0;
    this.rest = "";
    this.decoder = new TextDecoder();
    this.unfinished = document.createTextNode("");
    this.pre.append(this.unfinished);
  }

  async read() {
    const answer = await fetch(`${this.details.dataset.file}?offset=${this.offset}&limit=${PART}`);
    if (!answer.ok) return false;
    const bytes = new Uint8Array(await answer.arrayBuffer());
    this.offset += bytes.length;
    if (bytes.length) this.show(this.rest + this.decoder.decode(bytes, { stream: true }));
    return bytes.length === PART;
  }

  show(text) {
    const atEnd = this.pre.scrollHeight - this.pre.scrollTop - this.pre.clientHeight < 40;
    const end = text.lastIndexOf("\n") + 1;
    this.rest = text.slice(end);
    this.unfinished.data = this.rest.replace(CODES, "");
    if (end) this.unfinished.before(document.createTextNode(text.slice(0, end).replace(CODES, "")));
    while (this.pre.childNodes.length > KEPT_PARTS) this.pre.firstChild.remove();
    if (atEnd) this.pre.scrollTop = this.pre.scrollHeight;
  }

  async run() {
    while (this.details.isConnected && this.details.open) {
      let more = false;
      try { more = await this.read(); } catch { /* the next round tries again */ }
      if (more) continue;
      if (!document.querySelector("[data-unsettled]")) break;
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
    followed.delete(this.details);
  }
}

const logs = new WeakMap();

function open(details) {
  if (!details.open || followed.has(details)) return;
  followed.add(details);
  if (!logs.has(details)) logs.set(details, new Log(details));
  logs.get(details).run();
}

export function follow() {
  for (const details of document.querySelectorAll("details.log")) open(details);
}

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details.log")) open(event.target);
}, true);
