// The JSON schemas of a lead: what Fastify validates and how it writes answers.
const id = { type: 'integer', minimum: 1 };
const number = (maximum) => ({ type: 'number', minimum: 0, maximum });
const text = { type: 'string', maxLength: 200 };
const time = { type: 'string' };
const nullable = (schema) => ({ ...schema, nullable: true });

// What a client may set.
const members = {
  company_id: id,
  creator_id: id,
  latitude: { type: 'number', minimum: -90, maximum: 90 },
  longitude: { type: 'number', minimum: -180, maximum: 180 },
  address: nullable({ type: 'string', maxLength: 500 }),
  source: { type: 'integer', minimum: 0, maximum: 4 },
  kwh_usage: nullable(number(1e9)),
  system_size: nullable(number(1e6)),
  panel_count: nullable({ type: 'integer', minimum: 0, maximum: 1e6 }),
  annual_production: nullable(number(1e9)),
  state: { type: 'integer', minimum: 0, maximum: 3 },
  promo_code: nullable(text),
  is_2d: { type: 'boolean' },
  external_lead_id: nullable(text),
  sync_status: nullable({ type: 'string', enum: ['pending', 'synced', 'failed', 'syncing', null] }),
  panel_id: nullable(id),
  inverter_id: nullable(id),
  utility_id: nullable(id),
  roof_material: nullable(text),
  installation_date: nullable({ type: 'string', format: 'date-time' }),
};

// What the server sets.
const kept = {
  last_synced_at: nullable(time),
  lightfusion_3d_project_id: nullable(id),
  lightfusion_3d_house_id: nullable(id),
  model_3d_status: nullable(text),
  model_3d_created_at: nullable(time),
  model_3d_completed_at: nullable(time),
  created_at: time,
  updated_at: time,
};

export const columns = ['id', ...Object.keys(members), ...Object.keys(kept)];

export const lead = {
  type: 'object',
  properties: { id, ...members, ...kept, has_3d_model: { type: 'boolean' } },
};

export const page = {
  type: 'object',
  properties: {
    leads: { type: 'array', items: lead },
    total: { type: 'integer' },
    limit: { type: 'integer' },
    offset: { type: 'integer' },
  },
};

export const changeBody = {
  type: 'object',
  properties: members,
  additionalProperties: false,
  minProperties: 1,
};

export const createBody = {
  type: 'object',
  properties: {
    ...members,
    source: { ...members.source, default: 4 },
    state: { ...members.state, default: 0 },
    is_2d: { ...members.is_2d, default: false },
    create_3d_model: { type: 'boolean' },
  },
  required: ['company_id', 'creator_id', 'latitude', 'longitude'],
  additionalProperties: false,
};
