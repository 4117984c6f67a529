// Emmett: the ledger in its PostgreSQL event store, and its own rebuild of a raw SQL projection.
//
// usage: node emmett.mjs record    JSON Lines on stdin, appended in their order, one call an event
//        node emmett.mjs run       rebuilds the balances from the first event; prints a measurement as JSON
//
// PostgreSQL is found by PGHOST and PGPORT. A projection of the raw-SQL kind makes one statement an event; Emmett runs
// the statements of a batch in one transaction with its checkpoint. It is the fastest kind that it has; its documents
// (Pongo) read and write a JSON document an event.
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import {
  getPostgreSQLEventStore,
  postgreSQLRawBatchSQLProjection,
  rebuildPostgreSQLProjections,
} from '@event-driven-io/emmett-postgresql';
import { dumbo, rawSql, sql } from '@event-driven-io/dumbo';

const BATCH_EVENTS = 1000;
const connectionString = `postgresql://postgres@${process.env.PGHOST}:${process.env.PGPORT}/emmett`;

const record = async () => {
  const store = getPostgreSQLEventStore(connectionString);
  await store.schema.migrate();
  for await (const line of createInterface({ input: process.stdin })) {
    const { stream, type, data } = JSON.parse(line);
    await store.appendToStream(stream, [{ type, data }]);
  }
  await store.close();
};

const run = async () => {
  const pool = dumbo({ connectionString });
  await pool.execute.command(rawSql('DROP TABLE IF EXISTS balances'));
  await pool.execute.command(
    rawSql('CREATE TABLE balances (account text PRIMARY KEY, balance bigint, entries bigint)'),
  );
  const upsert = ({ type, data, metadata }) => {
    const amount = type === 'Deposited' ? data.amount : -data.amount;
    return sql(
      `INSERT INTO balances VALUES (%L, ${amount}, 1) ON CONFLICT (account)
       DO UPDATE SET balance = balances.balance + ${amount}, entries = balances.entries + 1`,
      metadata.streamName,
    );
  };
  const projection = postgreSQLRawBatchSQLProjection({
    name: 'balances',
    canHandle: ['Deposited', 'Withdrawn'],
    evolve: (events) => events.map(upsert),
  });
  const start = process.hrtime.bigint();
  const consumer = rebuildPostgreSQLProjections({
    connectionString,
    projection,
    startFrom: 'BEGINNING',
    pulling: { batchSize: BATCH_EVENTS },
  });
  await consumer.start();
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const { rows } = await pool.execute.query(rawSql('SELECT * FROM balances ORDER BY account COLLATE "C"'));
  const digest = createHash('sha256');
  for (const { account, balance, entries } of rows) digest.update(`${account}|${balance}|${entries}|\n`);
  await consumer.close();
  await pool.close();
  const rss_mib = process.resourceUsage().maxRSS / 1024;
  console.log(JSON.stringify({ seconds, rss_mib, rows_digest: digest.digest('hex') }));
};

await (process.argv[2] === 'record' ? record() : run());
