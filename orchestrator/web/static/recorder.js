// The flight recorder: arrow keys walk along a track and between tracks, and the line below the
// picture says what the point under the pointer or the focus is.

const said = () => document.getElementById("recorder-said");
const dots = (track) => [...track.querySelectorAll("a.dot:not(.good)")];

function tell(dot) {
  const line = said();
  if (line) line.textContent = dot ? dot.getAttribute("aria-label") : "";
}

function along(dot, step) {
  const all = dots(dot.closest("svg.track"));
  all[all.indexOf(dot) + step]?.focus();
}

function across(dot, step) {
  const tracks = [...document.querySelectorAll("svg.track")].filter((track) => dots(track).length);
  const x = dot.getBoundingClientRect().x;
  const near = dots(tracks[tracks.indexOf(dot.closest("svg.track")) + step] ?? dot.closest("svg.track"));
  near.sort((a, b) => Math.abs(a.getBoundingClientRect().x - x) - Math.abs(b.getBoundingClientRect().x - x))[0]?.focus();
}

const KEYS = {
  ArrowRight: (dot) => along(dot, 1), ArrowLeft: (dot) => along(dot, -1),
  ArrowDown: (dot) => across(dot, 1), ArrowUp: (dot) => across(dot, -1),
};

document.addEventListener("keydown", (event) => {
  const dot = event.target.closest?.("a.dot");
  if (!dot || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key](dot);
});
for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    const dot = event.target.closest?.("a.dot");
    if (dot) tell(dot);
  });
}
const focused = document.activeElement?.closest("a.dot");
if (focused) tell(focused);
