// The matrix: the line below it tells the cause of the square under the pointer or the focus; the
// first tap tells, the second opens; arrow keys walk from square to square.

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
let told = null;
let touched = false;

function tell(square) {
  const cause = document.getElementById("cause");
  told?.classList.remove("told");
  told = square;
  document.getElementById("legend").hidden = Boolean(square);
  cause.hidden = !square;
  if (!square) return;
  square.classList.add("told");
  cause.textContent = square.title;
}

// After a refresh: the same square may have more to tell, or be gone.
export function tellAgain() {
  if (told) tell(told.isConnected ? told : null);
}

function neighbour(square, [down, right]) {
  const rows = [...document.querySelectorAll(".matrix tbody tr:not(.group)")];
  const cell = square.closest("td");
  const row = rows.indexOf(cell.parentElement);
  let [y, x] = [row + down, cell.cellIndex + right];
  while (rows[y]?.cells[x]) {
    const found = rows[y].cells[x].querySelector(".square");
    if (found) return found;
    [y, x] = [y + down, x + right];
  }
  return null;
}

export function tellCauses() {
  if (!document.getElementById("cause")) return;
  const main = document.getElementById("main");
  const squareOf = (event) => event.target.closest(".square");
  main.addEventListener("pointerover", (event) => {
    if (event.pointerType === "mouse") tell(squareOf(event));
  });
  main.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") tell(null); });
  main.addEventListener("focusin", (event) => { if (!touched) tell(squareOf(event)); });
  main.addEventListener("pointerdown", (event) => { touched = event.pointerType === "touch"; });
  main.addEventListener("click", (event) => {
    const square = squareOf(event);
    if (touched && square && square !== told) {
      event.preventDefault();
      tell(square);
    }
    touched = false;
  });
  main.addEventListener("keydown", (event) => {
    const square = squareOf(event);
    if (!square || !STEPS[event.key]) return;
    event.preventDefault();
    neighbour(square, STEPS[event.key])?.focus();
  });
}
