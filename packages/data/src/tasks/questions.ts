import { DataError } from '../errors.ts';
import type { Row } from '../rows/row.ts';
import { findColumn } from './columns.ts';

/** A question about a text, with its answers. */
export interface AnsweredQuestion {
  readonly id: string;
  readonly question: string;
  readonly context: string;
  /** Where each answer stands in the context, in UTF-16 units; none when the context has no answer (SQuAD 2). */
  readonly answers: readonly { readonly text: string; readonly start: number }[];
  /** File and row, for messages. */
  readonly where: string;
}

/** Options of {@link questionItems}. */
export interface QuestionOptions {
  /** Columns; default `question`, `context` and `answers`: `{ text: [...], answer_start: [...] }` as in SQuAD. */
  columns?: { question?: string; context?: string; answers?: string };
}

/**
 * Rows as questions with answers, in the columns of SQuAD; files with plain columns may have `answer` and `answer_start`, or `answer` alone, which then is
 * the first place where the context has it.
 *
 * @throws {@link DataError} naming file, row and column: `label` for an answer that doesn't stand where it should, `pair`, `column`.
 */
export function questionItems(rows: readonly Row[], { columns = {} }: QuestionOptions = {}): AnsweredQuestion[] {
  const question = findColumn(rows, { named: columns.question, usual: ['question'], what: 'question' });
  const context = findColumn(rows, { named: columns.context, usual: ['context'], what: 'context' });
  const column = findColumn(rows, { named: columns.answers, usual: ['answers', 'answer'], what: 'answers' });
  return rows.map((row, i) => {
    const text = row.text(context);
    return {
      id: row.has('id') ? String(row.get('id')) : String(i),
      question: row.text(question),
      context: text,
      answers: answersIn(row, { column, context: text }),
      where: row.where,
    };
  });
}

function answersIn(row: Row, { column, context }: { column: string; context: string }): AnsweredQuestion['answers'] {
  const value = row.get(column);
  if (typeof value === 'string' && !value.trimStart().startsWith('{')) {
    if (value === '') return [];
    const start = row.has('answer_start') ? Number(row.get('answer_start')) : undefined;
    return [answerAt(row, { column, context, text: value, start })];
  }
  const { text, answer_start: starts } = row.object(column);
  if (!Array.isArray(text) || !isArrayLike(starts))
    return row.wrong(column, { wanted: '{ text: [...], answer_start: [...] }' });
  if (text.length !== starts.length)
    throw new DataError(
      'pair',
      `${row.where}: column "${column}" has ${text.length} texts but ${starts.length} starts`,
    );
  return text.map((answer, i) =>
    typeof answer === 'string'
      ? answerAt(row, { column, context, text: answer, start: Number(starts[i]) })
      : row.wrong(column, { wanted: 'answers as texts' }),
  );
}

/** Files count characters (code points), JavaScript UTF-16 units. */
function answerAt(
  row: Row,
  { column, context, text, start }: { column: string; context: string; text: string; start: number | undefined },
): { text: string; start: number } {
  const at = start === undefined ? context.indexOf(text) : [...context].slice(0, start).join('').length;
  if (at >= 0 && text !== '' && context.startsWith(text, at)) return { text, start: at };
  const place = start === undefined ? 'in the context' : `in the context at ${start}`;
  return row.wrong(column, { wanted: `a text that stands ${place}`, code: 'label' });
}

function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}
