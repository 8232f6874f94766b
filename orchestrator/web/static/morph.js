// Makes a part of the page equal to a newer one, touching nothing that is the same already:
// focus, scrolling, what is unfolded and what a script fills in (data-keep) stay as they are.

const LOCAL = new Set(["open", "hidden"]);

export function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (!alike(old, fresh)) {
    old.replaceWith(document.importNode(fresh, true));
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  if (old.hasAttribute("data-keep")) return;
  copyAttributes(old, fresh);
  copyChildren(old, fresh);
}

function alike(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && (old.id ?? "") === (fresh.id ?? "");
}

function copyAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !LOCAL.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (!LOCAL.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

// What a script of ours put in (data-ours) is not the server's to take away.
function theirs(node) {
  while (node?.dataset?.ours !== undefined) node = node.nextSibling;
  return node;
}

function copyChildren(old, fresh) {
  const known = new Map();
  for (const child of old.children) if (child.id) known.set(child.id, child);
  let at = theirs(old.firstChild);
  for (const wanted of fresh.childNodes) {
    const same = wanted.id ? known.get(wanted.id) : at && !at.id && alike(at, wanted) ? at : null;
    if (same) {
      if (same === at) at = theirs(at.nextSibling);
      else old.insertBefore(same, at);
      morph(same, wanted);
    } else {
      old.insertBefore(document.importNode(wanted, true), at);
    }
  }
  while (at) {
    const next = theirs(at.nextSibling);
    at.remove();
    at = next;
  }
}
