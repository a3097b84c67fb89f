/** Goal: rates are what was counted between two looks, and nothing is remembered of what is gone. */
import t from 'tap';
import { RateMeter } from '../../src/observe/meter.ts';

t.test('the rate between two looks', async (t) => {
  const meter = new RateMeter();
  const look = (bytes: number, now: number) => {
    const rate = meter.rate('a', bytes, now);
    meter.done();
    return rate;
  };
  t.equal(look(5000, 0), 0, 'the first says nothing');
  t.equal(look(6000, 500), 2000);
  t.equal(look(6010, 510), 2000, 'too soon: what was said before');
  t.equal(look(7000, 1000), 2000, 'and nothing is lost by it');
  t.equal(look(10, 1500), 0, 'another one of the same name');
});

t.test('what was not asked about is forgotten', async (t) => {
  const meter = new RateMeter();
  meter.rate('a', 0, 0);
  meter.done();
  meter.done();
  t.equal(meter.rate('a', 1_000_000, 1000), 0);
});
