// The leads of sunlead's API on Fastify and PostgreSQL: DATABASE_URL, PORT (0: any), WORKERS.
import cluster from 'node:cluster';
import Fastify from 'fastify';
import pg from 'pg';
import { columns, createBody, changeBody, lead, page } from './schemas.js';

const WORKERS = Number(process.env.WORKERS ?? 2);
const POOL = 8; // connections of a worker

// BIGINT as a number (ids are below 2^53), times as texts that need no Date on the way.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => text.replace(' ', 'T').replace('+00', 'Z'));

const names = columns.join(', ');
const model = 'lightfusion_3d_project_id IS NOT NULL AS has_3d_model';
const writable = Object.keys(changeBody.properties);

const statements = {
  get: { name: 'get', text: `SELECT ${names}, ${model} FROM leads WHERE id = $1` },
  list: {
    name: 'list',
    text: `SELECT ${names}, ${model} FROM leads WHERE company_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3`,
  },
  total: { name: 'total', text: 'SELECT count(*) AS total FROM leads WHERE company_id = $1' },
  create: {
    name: 'create',
    text: `INSERT INTO leads (${writable.join(', ')}, created_at, updated_at)
           VALUES (${writable.map((_, i) => `$${i + 1}`).join(', ')}, now(), now())
           RETURNING ${names}, ${model}`,
  },
};

// One statement for each set of members that a client changes.
const changes = new Map();

function changeStatement(members) {
  const key = members.join(',');
  let statement = changes.get(key);
  if (statement === undefined) {
    const set = members.map((name, i) => `${name} = $${i + 2}`).join(', ');
    statement = {
      name: `change${changes.size}`,
      text: `UPDATE leads SET ${set}, updated_at = now() WHERE id = $1 RETURNING ${names}, ${model}`,
    };
    changes.set(key, statement);
  }
  return statement;
}

function routes(app, pool) {
  const query = (statement, values) => pool.query({ ...statement, values });
  const id = { type: 'object', properties: { id: { type: 'integer', minimum: 1 } } };
  const found = (rows, reply) => rows[0] ?? reply.code(404).send({ error: 'There is no such lead.' });

  app.get('/api/leads/:id', { schema: { params: id, response: { 200: lead } } }, async (request, reply) => {
    const { rows } = await query(statements.get, [request.params.id]);
    return found(rows, reply);
  });

  const listQuery = {
    type: 'object',
    required: ['company_id'],
    properties: {
      company_id: { type: 'integer', minimum: 1 },
      limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
      offset: { type: 'integer', minimum: 0, default: 0 },
    },
  };
  app.get('/api/leads', { schema: { querystring: listQuery, response: { 200: page } } }, async (request) => {
    const { company_id, limit, offset } = request.query;
    const [leads, total] = await Promise.all([
      query(statements.list, [company_id, limit, offset]),
      query(statements.total, [company_id]),
    ]);
    return { leads: leads.rows, total: total.rows[0].total, limit, offset };
  });

  app.post('/api/leads', { schema: { body: createBody, response: { 201: lead } } }, async (request, reply) => {
    const { rows } = await query(statements.create, writable.map((name) => request.body[name] ?? null));
    reply.code(201).header('Location', `/api/leads/${rows[0].id}`);
    return rows[0];
  });

  app.put('/api/leads/:id', { schema: { params: id, body: changeBody, response: { 200: lead } } },
    async (request, reply) => {
      const members = Object.keys(request.body);
      const values = [request.params.id, ...members.map((name) => request.body[name])];
      const { rows } = await query(changeStatement(members), values);
      return found(rows, reply);
    });
}

async function work() {
  const pool = new pg.Pool({
    connectionString: process.env.DATABASE_URL,
    max: POOL,
    options: '-c TimeZone=UTC',
  });
  const app = Fastify({ logger: false, ajv: { customOptions: { removeAdditional: false } } });
  routes(app, pool);
  app.addHook('onClose', () => pool.end());
  process.on('SIGTERM', () => app.close().then(() => process.exit(0)));
  await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 0) });
}

if (cluster.isPrimary) {
  let listening = 0;
  cluster.on('listening', (_, address) => {
    if (++listening === WORKERS) console.log(`listening ${address.port}`);
  });
  process.on('SIGTERM', () => cluster.disconnect(() => process.exit(0)));
  for (let i = 0; i < WORKERS; i++) cluster.fork();
} else {
  await work();
}
