// Keeps the page up to date: an event that concerns it makes it fetch itself again, no faster than
// twice a second, and take over what is new.

import { morph } from "./morph.js";
import { tick } from "./times.js";
import { follow } from "./logs.js";
import { offerCopies } from "./copy.js";
import { tellAgain, tellCauses } from "./causes.js";

const SOONEST = 500;
const LATEST = 10000;
const scope = document.body.dataset.scope;
const sign = document.getElementById("live");
let seq = document.body.dataset.seq;
let source = null;
let last = 0;
let timer = null;
let wanted = false;

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
  if (timer === null) timer = setTimeout(refresh, Math.max(0, last + SOONEST - Date.now()));
}

async function refresh() {
  last = Date.now();
  wanted = false;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    morph(document.getElementById("main"), fresh.getElementById("main"));
    document.title = fresh.title;
    dress();
  } catch {
    say("connection lost, trying again", false);
  } finally {
    timer = null;
    // What happened while the page was being fetched may not be in it.
    if (wanted) refreshSoon();
  }
}

function dress() {
  tick();
  offerCopies();
  follow();
  tellAgain();
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
tellCauses();
if (!document.hidden) listen();
setInterval(tick, 1000);
// What changes without an event (a reason to wait, a drained machine) is seen within seconds too.
setInterval(() => { if (!document.hidden) refreshSoon(); }, LATEST);
