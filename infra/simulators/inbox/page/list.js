import { element, face, moment } from "./element.js";

const TODAY = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const EARLIER = { day: "numeric", month: "short" };
const READ = "waypost-inbox-read";
const read = new Set(JSON.parse(localStorage.getItem(READ) ?? "[]"));

export function markRead(id) {
  read.add(id);
  localStorage.setItem(READ, JSON.stringify([...read].slice(-1000)));
}

export function showList(list, mails, openId, searching) {
  const focused = document.activeElement?.closest("#mails a")?.hash;
  list.replaceChildren(...mails.map((mail) => row(mail, mail.id === openId)));
  if (!mails.length) list.append(empty(searching));
  // The rows are new elements; whoever was moving among them by keyboard stays where they were.
  if (focused) list.querySelector(`a[href="${focused}"]`)?.focus();
}

function row(mail, open) {
  const to = mail.to.join(", ");
  const today = new Date(mail.received_at).toDateString() === new Date().toDateString();
  const link = element(
    "a",
    { className: read.has(mail.id) || open ? "mail" : "mail unread", href: `#${mail.id}` },
    face(to),
    element("span", { className: "to" }, to),
    moment(mail.received_at, today ? TODAY : EARLIER),
    element("span", { className: "subject" }, mail.subject || "(no subject)"),
    element("span", { className: "preview" }, mail.preview),
  );
  if (open) link.setAttribute("aria-current", "true");
  return element("li", {}, link);
}

function empty(searching) {
  const words = searching ? "No mail matches." : "No mail yet. Whatever is sent to this server by SMTP shows up here.";
  return element("li", { className: "empty" }, words);
}
