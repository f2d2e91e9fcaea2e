// The one way by which text reaches the page: as text. Nothing here or elsewhere parses HTML.

export const byId = (id) => document.getElementById(id);

/** An element with properties, attributes (names with a dash, and role) and children. */
export function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets text only where it differs: a write costs a layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A sentence in which `names` stand between backticks. */
export function prose(text) {
  return text.split("`").map((part, index) =>
    index % 2 === 1 ? el("code", { textContent: part }) : part);
}

export async function copy(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed";
  }
  setTimeout(() => { button.textContent = before; }, 1500);
}

/** JSON to read: indented, with coloured keys and values. `marked(path)` underlines a value. */
export function jsonBlock(value, marked = () => false) {
  const out = el("pre", { className: "json", tabIndex: 0 });
  const span = (className, text) => out.append(el("span", { className, textContent: text }));
  const write = (value, indent, path) => {
    const inner = indent + "  ";
    if (Array.isArray(value) || (value !== null && typeof value === "object")) {
      const list = Array.isArray(value);
      const entries = list ? value.map((item, index) => [index, item]) : Object.entries(value);
      if (entries.length === 0) return out.append(list ? "[]" : "{}");
      out.append(list ? "[\n" : "{\n");
      entries.forEach(([key, item], index) => {
        out.append(inner);
        if (!list) {
          span("key", JSON.stringify(key));
          out.append(": ");
        }
        write(item, inner, [...path, key]);
        out.append(index < entries.length - 1 ? ",\n" : "\n");
      });
      return out.append(indent + (list ? "]" : "}"));
    }
    const kind = typeof value === "string" ? "text" : "number";
    span(marked(path) ? `${kind} marked` : kind, JSON.stringify(value));
  };
  write(value, "", []);
  return out;
}
