// Builds the page from text alone: nothing that a mail says is ever parsed as markup here.
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// A round picture for an address: its first letter on a colour that is always the same for it.
export function face(address) {
  const letter = address.match(/[\p{L}\p{N}]/u)?.[0] ?? "?";
  const circle = element("span", { className: "face", "aria-hidden": "true" }, letter.toUpperCase());
  let hue = 0;
  for (const character of address) hue = (hue * 31 + character.codePointAt(0)) % 360;
  circle.style.setProperty("--hue", hue);
  return circle;
}

export function moment(iso, style) {
  const when = new Date(iso);
  return element("time", { dateTime: iso, title: when.toLocaleString() }, when.toLocaleString(undefined, style));
}
