// A button beside each command that puts it on the clipboard.

export function offerCopies() {
  if (!navigator.clipboard) return;
  for (const code of document.querySelectorAll("code.type")) {
    if (code.nextElementSibling?.classList.contains("copy")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.dataset.ours = "";
    button.textContent = "copy";
    button.setAttribute("aria-label", `copy: ${code.textContent}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "copied";
      setTimeout(() => { button.textContent = "copy"; }, 1500);
    });
    code.after(button);
  }
}
