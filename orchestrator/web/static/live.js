// Keeps the page up to date: an event that concerns it makes it fetch itself again, no faster than
// twice a second (less often if that takes long), and take over what is new.

import { morph } from "./morph.js";
import { tick } from "./times.js";
import { follow } from "./logs.js";
import { offerCopies } from "./copy.js";

const SOONEST = 500;
const LATEST = 10000;
const main = document.getElementById("main");
const scope = document.body.dataset.scope;
const sign = document.getElementById("live");
let seq = document.body.dataset.seq;
let source = null;
let last = 0;
let timer = null;
let wanted = false;
let pause = SOONEST;

const here = () => main.dataset.address ?? location.href;

function say(text, on) {
  sign.hidden = false;
  sign.textContent = text;
  sign.classList.toggle("on", on);
}

function listen() {
  source = new EventSource(`/api/events?since=${seq}`);
  source.onopen = () => { say("live", true); refreshSoon(); };
  source.onerror = () => say("connection lost, trying again", false);
  source.onmessage = (message) => {
    seq = message.lastEventId;
    if (JSON.parse(message.data).attempt.startsWith(scope)) refreshSoon();
  };
}

function refreshSoon() {
  wanted = true;
  if (timer === null) timer = setTimeout(refresh, Math.max(0, last + pause - Date.now()));
}

async function refresh() {
  last = Date.now();
  wanted = false;
  const began = performance.now();
  const address = here();
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    // Somebody has scrolled on meanwhile: what came is of another place.
    wanted ||= address !== here();
    if (address !== here()) return;
    morph(main, fresh.getElementById("main"));
    document.title = fresh.title;
    dress();
  } catch {
    say("connection lost, trying again", false);
  } finally {
    timer = null;
    pause = Math.max(SOONEST, 4 * (performance.now() - began));
    // What happened while the page was being fetched may not be in it.
    if (wanted) refreshSoon();
  }
}

function dress() {
  window.htmx?.process(main);
  tick();
  offerCopies();
  follow();
  document.dispatchEvent(new CustomEvent("smoketest:fresh"));
}

// A hidden page lets its connection go: a browser has only six for one server.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close();
    source = null;
  } else if (!source) {
    listen();
  }
});

dress();
if (!document.hidden) listen();
setInterval(tick, 1000);
// What changes without an event (a reason to wait, a drained machine) is seen within seconds too.
setInterval(() => { if (!document.hidden) refreshSoon(); }, LATEST);
