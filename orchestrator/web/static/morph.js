// Makes a part of the page equal to a newer one with Idiomorph, touching nothing that is the same
// already: focus, scrolling, what is unfolded, what is typed and what a script fills in stay.

const LOCAL = new Set(["open", "hidden", "tabindex", "data-address"]);

const callbacks = {
  // What a script of ours fills in (data-keep) or put in (data-ours) is not the server's to change.
  beforeNodeMorphed: (old) => old.dataset?.keep === undefined && old.dataset?.ours === undefined,
  beforeNodeRemoved: (old) => old.dataset?.ours === undefined,
  beforeAttributeUpdated: (name) => {
    return !LOCAL.has(name) && name !== "style";
  },
};

export function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  const typing = document.activeElement?.matches("input, textarea, select") ?? false;
  window.Idiomorph.morph(old, fresh.outerHTML, {
    morphStyle: "outerHTML", ignoreActiveValue: typing, restoreFocus: true, callbacks,
  });
}
