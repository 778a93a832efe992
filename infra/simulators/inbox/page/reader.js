import { element, face, moment } from "./element.js";

const LINK = /https?:\/\/[^\s<>"')]+/g;
let preferredTab = "HTML";

export function showNothing(reader, words) {
  reader.replaceChildren(element("p", { className: "empty" }, words));
}

export function showMail(reader, mail) {
  reader.replaceChildren(element("h2", {}, mail.subject || "(no subject)"), people(mail), ...tabs(mail), ...attachments(mail));
  reader.scrollTop = 0;
}

function people(mail) {
  return element(
    "div",
    { className: "people" },
    face(mail.from),
    element("p", { className: "from" }, mail.from),
    moment(mail.received_at, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" }),
    element("p", { className: "to" }, `to ${mail.to.join(", ")}`),
    element("a", { href: `/api/messages/${mail.id}/raw`, download: `${mail.id}.eml` }, "Save as .eml"),
  );
}

function tabs(mail) {
  const panels = new Map();
  if (mail.html !== null) panels.set("HTML", htmlPanel(mail));
  if (mail.text !== null) panels.set("Text", element("pre", {}, ...linked(mail.text)));
  panels.set("Headers", headerTable(mail.headers));
  const bar = element("div", { className: "tabs", role: "tablist", "aria-label": "Views of this mail" });
  const shown = [...panels].map(([name, content]) => panel(name, content));
  bar.append(...[...panels.keys()].map((name) => tab(name, bar, shown)));
  select(panels.has(preferredTab) ? preferredTab : panels.keys().next().value, bar, shown);
  bar.addEventListener("keydown", (event) => step(event, bar));
  return [bar, ...shown];
}

function tab(name, bar, panels) {
  const button = element("button", { type: "button", id: `tab-${name}`, role: "tab", "aria-controls": `panel-${name}` }, name);
  button.addEventListener("click", () => {
    preferredTab = name;
    select(name, bar, panels);
  });
  return button;
}

function panel(name, content) {
  return element("section", { className: "panel", id: `panel-${name}`, role: "tabpanel", tabIndex: 0, "aria-labelledby": `tab-${name}` }, content);
}

function select(name, bar, panels) {
  for (const button of bar.children) {
    const chosen = button.id === `tab-${name}`;
    button.setAttribute("aria-selected", chosen);
    button.tabIndex = chosen ? 0 : -1;
  }
  for (const each of panels) each.hidden = each.id !== `panel-${name}`;
}

function step(event, bar) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  const buttons = [...bar.children];
  const next = buttons.at((buttons.indexOf(document.activeElement) + by) % buttons.length);
  next.focus();
  next.click();
}

// The frame is fenced twice: by this attribute and by the policy that the server sends with the mail's HTML.
function htmlPanel(mail) {
  const frame = element("iframe", { title: "The mail as its reader sees it", referrerPolicy: "no-referrer" });
  frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
  frame.src = `/api/messages/${mail.id}/html`;
  return frame;
}

function headerTable(headers) {
  const rows = headers.map(([name, value]) => element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value)));
  return element("table", {}, element("tbody", {}, ...rows));
}

function linked(text) {
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    pieces.push(text.slice(end, match.index), element("a", { href: match[0], target: "_blank", rel: "noreferrer" }, match[0]));
    end = match.index + match[0].length;
  }
  return [...pieces, text.slice(end)];
}

function attachments(mail) {
  if (!mail.attachments.length) return [];
  const names = mail.attachments.map((each) => `${each.filename} (${each.size_bytes.toLocaleString()} bytes)`);
  return [element("p", { className: "attachments" }, `Attached: ${names.join(", ")}`)];
}
