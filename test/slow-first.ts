// The order of the test files: those that take long come first, so that none of them runs on alone at the end.
import { join } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { slow } from './slow-files.js';

export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const others = await super.sort(files);
    const paths = slow.map((path) => join(this.ctx.config.root, path));
    const first = paths.flatMap((path) => others.filter(({ moduleId }) => moduleId === path));
    return [...first, ...others.filter((file) => !first.includes(file))];
  }
}
