// The form that asks for a run: files become texts of the form, archs are found by a part of their
// name, and how many are ticked is told.

const filter = document.getElementById("arch-filter");
const files = document.getElementById("files");
const list = document.getElementById("patch-list");
const picks = [...document.querySelectorAll(".archs .pick")];

function count() {
  const ticked = picks.filter((pick) => pick.querySelector("input").checked).length;
  document.getElementById("arch-count").textContent = ticked ? `${ticked} of ${picks.length} ticked` : `all ${picks.length}`;
}

function narrow() {
  const word = filter.value.trim().toLowerCase();
  for (const pick of picks) {
    pick.hidden = Boolean(word) && !pick.textContent.toLowerCase().includes(word);
  }
  for (const group of document.querySelectorAll(".archs [role=group]")) {
    group.hidden = [...group.querySelectorAll(".pick")].every((pick) => pick.hidden);
  }
}

function free() {
  return [...list.children].find((patch) => !patch.querySelector("textarea").value.trim());
}

function another() {
  const number = list.children.length + 1;
  const patch = list.firstElementChild.cloneNode(true);
  for (const field of patch.querySelectorAll("input, textarea")) {
    const kind = field.name.split(":")[0];
    field.name = `${kind}:${number}`;
    field.id = `${kind}-${number}`;
    field.previousElementSibling.htmlFor = field.id;
    field.value = "";
  }
  list.append(patch);
  return patch;
}

async function take() {
  for (const file of files.files) {
    const patch = free() ?? another();
    patch.querySelector("input").value = file.name;
    patch.querySelector("textarea").value = await file.text();
  }
  files.value = "";
  list.dispatchEvent(new Event("change", { bubbles: true }));
}

// What went wrong with a part of the page is said where the part would be.
document.addEventListener("htmx:responseError", ({ detail }) => {
  let sentence = `the server answered ${detail.xhr.status}`;
  try { sentence = JSON.parse(detail.xhr.responseText).detail ?? sentence; } catch { /* no problem+json */ }
  const said = document.createElement("p");
  said.className = "fault";
  said.textContent = sentence;
  detail.target.replaceChildren(said);
});

filter.hidden = picks.length < 12;
files.hidden = false;
filter.addEventListener("input", narrow);
filter.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
files.addEventListener("change", take);
document.querySelector(".archs").addEventListener("change", count);
count();
