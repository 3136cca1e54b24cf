// Lists of any length: only the rows in sight exist.

const ROW_PX = 24;
const TALLEST_PX = 8e6;  // browsers cut off taller boxes; beyond it a pixel of scrolling is more than a row

// statusOf gives "", "done", "now" or "near" for a row; the last marks a bound instead of a known time.
function createList(box, { count, textOf, statusOf, onPick }) {
  const spacer = document.createElement("div"), rows = [];
  spacer.className = "spacer";
  const height = Math.min(count * ROW_PX, TALLEST_PX);
  spacer.style.height = `${height}px`;
  box.replaceChildren(spacer);
  const shown = () => Math.max(1, box.clientHeight / ROW_PX);
  const ratio = () => (height > box.clientHeight ? (count - shown()) / (height - box.clientHeight) : 1 / ROW_PX);

  function render() {
    const top = box.scrollTop * ratio(), first = Math.floor(top), wanted = Math.min(count, Math.ceil(shown()) + 1);
    while (rows.length < wanted) {
      const row = document.createElement("button");
      row.type = "button";
      row.tabIndex = -1;
      row.className = "row";
      row.append(document.createElement("span"), document.createElement("span"));
      row.addEventListener("click", () => onPick(Number(row.dataset.index)));
      rows.push(row);
      spacer.append(row);
    }
    rows.forEach((row, k) => {
      const index = first + k, status = index < count && k < wanted ? statusOf(index) : null;
      row.hidden = status === null;
      if (status === null) return;
      row.style.transform = `translateY(${box.scrollTop + (index - top) * ROW_PX}px)`;
      if (row.dataset.index !== String(index)) {
        row.dataset.index = index;
        row.firstChild.textContent = index;
        row.lastChild.textContent = textOf(index);
        row.title = row.lastChild.textContent;
      }
      if (row.dataset.status !== status) {
        row.dataset.status = status;
        row.setAttribute("aria-current", status === "now" ? "step" : "false");
      }
    });
  }

  function reveal(index) {
    const top = box.scrollTop * ratio();
    if (index < 0 || (index >= top && index + 1 <= top + shown())) return;
    box.scrollTop = Math.max(0, index - Math.floor(shown() / 3)) / ratio();
  }

  box.addEventListener("scroll", render, { passive: true });
  new ResizeObserver(render).observe(box);
  return { render, reveal };
}
