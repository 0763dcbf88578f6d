// Search through all texts. The data is in scripts, since pages opened as files may not fetch.
"use strict";

const MOST = 100;
const AROUND = 60;
const term = document.getElementById("term");
const status = document.getElementById("status");
const results = document.getElementById("results");
const texts = [];
let loaded = 0;

window.addTexts = (found) => {
  for (const [address, title, heading, text] of found) {
    texts.push({ address, title, heading, text, plain: folded(`${title}\n${heading}\n${text}`) });
  }
};

function folded(text) {
  return text.normalize("NFC").toLowerCase();
}

function load() {
  const files = Number(term.dataset.files);
  if (loaded === files) {
    show();
    return;
  }
  status.textContent = `Loading ${loaded + 1} of ${files} …`;
  const script = document.createElement("script");
  script.src = `search-${loaded + 1}.js`;
  script.onload = () => {
    loaded += 1;
    load();
  };
  script.onerror = () => {
    status.textContent = `The file search-${loaded + 1}.js is missing.`;
  };
  document.head.append(script);
}

function show() {
  const words = folded(term.value).split(/\s+/).filter(Boolean);
  results.replaceChildren();
  if (words.length === 0) {
    status.textContent = "Type one or several words.";
    return;
  }
  const found = texts.filter((each) => words.every((word) => each.plain.includes(word)));
  const first = found.slice(0, MOST);
  status.textContent =
    found.length > MOST
      ? `${found.length} results, the first ${MOST} of them:`
      : `${found.length} ${found.length === 1 ? "result" : "results"}`;
  results.append(...first.map((each) => item(each, words)));
}

function item(each, words) {
  const row = document.createElement("li");
  const link = document.createElement("a");
  link.href = each.address;
  link.dir = "auto";
  link.textContent = each.heading ? `${each.title}: ${each.heading}` : each.title;
  row.append(link);
  const part = excerpt(each.text, words);
  if (part) {
    row.append(part);
  }
  return row;
}

function excerpt(text, words) {
  const plain = text.toLowerCase();
  const word = words.find((other) => plain.includes(other));
  if (word === undefined || plain.length !== text.length) {
    return null;
  }
  const at = plain.indexOf(word);
  const begin = Math.max(0, at - AROUND);
  const end = at + word.length;
  const line = document.createElement("p");
  line.dir = "auto";
  const mark = document.createElement("mark");
  mark.textContent = text.slice(at, end);
  line.append((begin > 0 ? "…" : "") + text.slice(begin, at), mark);
  line.append(text.slice(end, end + AROUND) + (end + AROUND < text.length ? "…" : ""));
  return line;
}

let timer;
term.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(show, 150);
});
term.form.addEventListener("submit", (event) => event.preventDefault());
load();
