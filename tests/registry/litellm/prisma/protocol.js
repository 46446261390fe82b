// Prisma's two protocols: the GraphQL that prisma-client-py speaks, and the JSON that the WebAssembly engine takes.
//
// Requests are made as text, so that a number stays as it was written: through JavaScript's numbers, 64-bit ones would change.
'use strict';
const { parse } = require('graphql');

const ACTIONS = [
  'findUnique', 'findFirst', 'findMany', 'createOne', 'createMany', 'updateOne', 'updateMany', 'upsertOne', 'deleteOne',
  'deleteMany', 'aggregate', 'groupBy',
];
const RAW = ['queryRaw', 'executeRaw'];
const JSON_OPERATORS = new Set([
  'equals', 'not', 'set', 'push', 'array_contains', 'array_starts_with', 'array_ends_with', 'lt', 'lte', 'gt', 'gte',
]);

class Protocol {
  /** `datamodel` is the text of schema.prisma: which fields hold JSON, and where they lead, stands there. */
  constructor(datamodel) {
    this.models = {};
    for (const [, name, body] of datamodel.matchAll(/^model\s+(\w+)\s*{([\s\S]*?)^}/gm)) {
      const fields = [...body.matchAll(/^\s*(?!\/\/|@@)(\w+)\s+(\w+)/gm)];
      this.models[name] = Object.fromEntries(fields.map(([, field, type]) => [field, type]));
    }
  }

  /** The JSON text for one GraphQL operation, and under which name its answer is expected. */
  request(query) {
    const [field] = parse(query, { noLocation: true }).definitions[0].selectionSet.selections;
    const { action, model } = operation(field.name.value);
    const named = model ? `"modelName":${JSON.stringify(model)},` : '';
    const alias = field.alias?.value ?? field.name.value;
    return { alias, text: `{${named}"action":"${action}","query":${this.selected(field, model)}}` };
  }

  /** The engine's answer as GraphQL gave it: values without their types, under the expected name. */
  answer(found, alias) {
    if (!found.data) return found;
    const [[name, value]] = Object.entries(found.data);
    return { ...found, data: { [alias]: RAW.includes(name) ? value : untyped(value) } };
  }

  selected(field, model) {
    const given = (field.arguments ?? []).map((one) => `${JSON.stringify(one.name.value)}:${this.value(one.value, model)}`);
    const fields = (field.selectionSet?.selections ?? []).map((one) => {
      const plain = !one.selectionSet && !one.arguments?.length;
      return `${JSON.stringify(one.name.value)}:${plain ? 'true' : this.selected(one, this.related(model, one.name.value))}`;
    });
    return `{"arguments":{${given}},"selection":{${fields}}}`;
  }

  /** The model that a field of `model` leads to, if it leads to one. */
  related(model, field) {
    const type = this.models[model]?.[field];
    return this.models[type] && type;
  }

  value(node, model) {
    switch (node.kind) {
      case 'StringValue':
      case 'EnumValue':
        return JSON.stringify(node.value);
      case 'IntValue':
      case 'FloatValue':
        return node.value;
      case 'BooleanValue':
        return String(node.value);
      case 'NullValue':
        return 'null';
      case 'ListValue':
        return `[${node.values.map((one) => this.value(one, model))}]`;
      case 'ObjectValue':
        return `{${node.fields.map((one) => this.member(one, model))}}`;
      default:
        throw new Error(`unknown value ${node.kind}`);
    }
  }

  /** A member of a map: a field of `model`, or an operator (`data`, `where`, `AND`), below which `model` still holds. */
  member({ name: { value: name }, value }, model) {
    const type = this.models[model]?.[name];
    if (type === 'Json') return `${JSON.stringify(name)}:${this.json(value)}`;
    return `${JSON.stringify(name)}:${this.value(value, type ? this.related(model, name) : model)}`;
  }

  /** The value of a field that holds JSON, which GraphQL gives as a string. */
  json(node) {
    if (node.kind === 'StringValue') return `{"$type":"Json","value":${JSON.stringify(node.value)}}`;
    if (node.kind === 'ListValue') return `[${node.values.map((one) => this.json(one))}]`;
    if (node.kind !== 'ObjectValue') return this.value(node);
    const members = node.fields.map(({ name: { value: name }, value }) => {
      return `${JSON.stringify(name)}:${JSON_OPERATORS.has(name) ? this.json(value) : this.value(value)}`;
    });
    return `{${members}}`;
  }
}

/** `findUniqueUserOrThrow` is the action `findUniqueOrThrow` on the model `User`. */
function operation(name) {
  if (RAW.includes(name)) return { action: name, model: undefined };
  const action = ACTIONS.find((one) => name.startsWith(one));
  if (!action) throw new Error(`unknown operation ${name}`);
  const model = name.slice(action.length);
  const orThrow = /^find(Unique|First)$/.test(action) && model.endsWith('OrThrow');
  return orThrow ? { action: `${action}OrThrow`, model: model.slice(0, -'OrThrow'.length) } : { action, model };
}

function untyped(value) {
  if (Array.isArray(value)) return value.map(untyped);
  if (value === null || typeof value !== 'object') return value;
  if (typeof value.$type === 'string' && 'value' in value) return value.value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, untyped(one)]));
}

module.exports = { Protocol };
