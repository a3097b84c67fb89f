/** Goal: what there is to be granted is a number, whatever others have been granted. */

import t from 'tap';
import { ControlQueue } from '../../../src/layer/trunk/control.ts';
import { Grants } from '../../../src/layer/trunk/grants.ts';
import { TrunkMemory } from '../../../src/layer/trunk/memory.ts';

const KIB = 1024;

t.test('a trunk for which others have left nothing grants the least', async (t) => {
  const memory = new TrunkMemory({ capacity: 16 * KIB * KIB });
  const other = memory.join();
  other.active = true;
  other.granted = memory.grantable;
  const share = memory.join();
  share.active = true;
  share.granted = 0;
  t.equal(share.window, 0);
  const control = new ControlQueue();
  const grants = new Grants(share, control, 64 * KIB);
  const room = grants.room(0);
  t.same(room, { reserve: 0, first: KIB, leastSaid: KIB, freeBytes: 0, free: 0 });
  t.notOk(control.empty, 'the peer hears of it');
  other.granted = 0;
  t.match(grants.room(2000), { first: 64 * KIB, leastSaid: KIB, free: 1 });
});
