import { describeOptions, modelFolder, parseOptions, runCommand, startEngine, UsageError } from '@formers/cli';
import { knownTasks } from '@formers/pipelines';

import { explain } from './explain.ts';
import { readInputs } from './inputs.ts';
import { OPTIONS } from './options.ts';
import { openTask } from './run-task.ts';

const HELP = `Runs a task with a model.

  npx pnpm@12 run pipeline --task <task> --model <folder> [inputs...] [options]

${describeOptions(OPTIONS)}

Tasks: ${knownTasks().join(', ')}.

  npx pnpm@12 run pipeline --task text-classification --model checkpoints/spam 'You have won!' --top-k 2
  npx pnpm@12 run pipeline --task question-answering --model checkpoints/qa 'Who am I?' --context 'Call me Ishmael.'
  npx pnpm@12 run pipeline --task ner --model checkpoints/tags --file lines.txt --json
  npx pnpm@12 run pipeline --task translation_en_to_de --model google-t5/t5-small 'The whale is white.'
`;

/** So many inputs are read before their results are shown. */
const GROUP = 64;

await runCommand(
  'pipeline',
  async (signal) => {
    const given = parseOptions(process.argv.slice(2), OPTIONS);
    if (given.help) return void process.stdout.write(HELP);
    const { task, model, json = false } = given;
    if (task === undefined || model === undefined)
      throw new UsageError(`--${task === undefined ? 'task' : 'model'} is missing; see --help`);
    const inputs = await readInputs(given);
    await startEngine(given);
    const folder = await modelFolder(model);
    using running = await openTask({ task, model: folder, given }, { signal }).catch(async (error: unknown) => {
      throw await explain(error, { task, model, folder, signal });
    });
    for (let start = 0; start < inputs.length && !signal.aborted; start += GROUP) {
      const group = inputs.slice(start, start + GROUP);
      const outputs = await running.run(group).catch((error: unknown) => {
        if (signal.aborted) return []; // Ctrl-C is no error
        throw error;
      });
      for (const [i, { output, lines }] of outputs.entries()) {
        const input = group[i];
        if (json) console.log(JSON.stringify({ input, output }));
        else if (inputs.length === 1) for (const line of lines) console.log(line);
        else
          for (const line of lines)
            console.log(`${typeof input === 'string' ? input : JSON.stringify(input)}: ${line}`);
      }
    }
  },
  { specs: OPTIONS, saves: false },
);
