// Tables for Excel and LibreOffice as people here have them: UTF-8 with its mark, semicolons between the cells.

/** A cell that begins like this would be calculated (OWASP, «CSV Injection»). */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/u;

function cell(text: string): string {
  const plain = FORMULA.test(text) ? `'${text}` : text;
  return /[;"\r\n]/u.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/** The table with this text in each cell. */
export const csv = (rows: readonly (readonly string[])[]): string =>
  `\uFEFF${rows.map((row) => row.map(cell).join(';')).join('\r\n')}\r\n`;

/** A file's name without what a system may refuse. */
export const fileName = (name: string): string =>
  name.replaceAll(/[\p{Cc}\p{Cf}\\/:*?"<>|]/gu, ' ').replaceAll(/\s+/gu, ' ').trim().slice(0, 120);
