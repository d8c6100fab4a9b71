"use strict";
// Sorts the table of a study by a column, and shows the rows that have what was typed in.

const table = document.getElementById("files");
const body = table.tBodies[0];
let [sorted, down] = [-1, false];

function keyOf(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.value === undefined) return cell.textContent.toLowerCase();
  return cell.dataset.value === "" ? Number.NEGATIVE_INFINITY : Number(cell.dataset.value);
}

table.tHead.onclick = ({ target }) => {
  if (target.dataset.column === undefined) return;
  const column = Number(target.dataset.column);
  [sorted, down] = [column, column === sorted && !down];
  const rows = [...body.rows].sort((a, b) => {
    const [x, y] = [keyOf(a, column), keyOf(b, column)];
    return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
  });
  body.replaceChildren(...rows);
  for (const button of table.tHead.querySelectorAll("button")) button.removeAttribute("aria-sort");
  target.setAttribute("aria-sort", down ? "descending" : "ascending");
};

document.getElementById("filter").oninput = ({ target }) => {
  const wanted = target.value.toLowerCase();
  for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
};
document.body.dataset.ready = body.rows.length;
