// A model's card as elements: headings, paragraphs, lists, tables and code, all as text, nothing as HTML.

import { make } from "./dom.js";

/** Elements for a text in Markdown. Headings become those of a section inside the page. */
export function rendered(markdown) {
  return markdown.split(/\n\s*\n/).filter((block) => block.trim()).flatMap(block);
}

function block(source) {
  const lines = source.split("\n").filter((line) => line.trim());
  if (lines[0].startsWith("#")) {
    const rest = lines.slice(1).join("\n");
    return [make("h3", { text: lines[0].replace(/^#+\s*/, "") }), ...(rest ? block(rest) : [])];
  }
  if (lines[0].startsWith("```")) return [make("pre", { tabindex: 0 }, lines.filter((line) => !line.startsWith("```")).join("\n"))];
  if (lines[0].startsWith("|")) return [make("div", { class: "scroll", tabindex: 0 }, table(lines))];
  if (/^[-*] /.test(lines[0])) return [make("ul", {}, ...items(lines))];
  return [make("p", {}, ...inline(lines.join(" ")))];
}

function items(lines) {
  const joined = lines.reduce((found, line) => {
    if (/^[-*] /.test(line)) found.push(line.slice(2));
    else found.push(`${found.pop()} ${line.trim()}`);
    return found;
  }, []);
  return joined.map((text) => make("li", {}, ...inline(text)));
}

function table(lines) {
  const cells = (line) => line.replace(/^\||\|\s*$/g, "").split("|");
  const [head, , ...rows] = lines;
  const made = (tag, line) => make("tr", {}, ...cells(line).map((cell) => make(cell.trim() ? tag : "td", {}, ...inline(cell.trim()))));
  return make("table", {}, make("thead", {}, made("th", head)), make("tbody", {}, ...rows.map((line) => made("td", line))));
}

/** Bold and code; of a link its text. */
function inline(text) {
  const plain = text.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  return plain.split(/(\*\*[^*]+\*\*|`[^`]+`)/).filter(Boolean).map((part) => {
    if (part.startsWith("**")) return make("strong", { text: part.slice(2, -2) });
    if (part.startsWith("`")) return make("code", { text: part.slice(1, -1) });
    return part;
  });
}
