#!/usr/bin/env python3
"""Turns bot-api.json into aisha/bot_api.h (what plugins see) and bot_api_tables.c (what the host's codec reads).

Plugins are compiled against the structs, so their layout may only grow at the end. abi.lock holds what was promised,
one line per struct:

    message 5f0c21aa message_id:int from:*user photo:[]*photo_size | new_field:bool

The second word is a checksum, for the file is written by this program only. `|` is the end of what an update of the
lock added: the next field starts at a multiple of eight, so that it cannot hide in the padding of an older struct.
A field that left the Bot API is written `!name:kind` and keeps its place; a struct that left is written `!struct`.

    generate.py --header H --tables C          fails when the spec and the lock do not fit
    generate.py --update-lock                  appends new structs and new fields to the lock
    generate.py --retire STRUCT[.FIELD]        gives up what the Bot API removed or changed (then --update-lock)
"""
import argparse
import json
import re
import sys
import textwrap
import zlib
from dataclasses import dataclass, field as dataclass_field
from pathlib import Path

HERE = Path(__file__).resolve().parent

SCALARS = {'Integer': 'int', 'Float': 'float', 'Boolean': 'bool', 'String': 'text'}
C_TYPES = {'int': 'int64_t ', 'float': 'double ', 'bool': 'int8_t ', 'text': 'const char *', 'json': 'const char *',
           'file': 'const struct aisha_file *', 'id': 'int64_t '}
C_KINDS = {'int': 'API_INTEGER', 'float': 'API_FLOAT', 'bool': 'API_BOOLEAN', 'text': 'API_TEXT', 'json': 'API_JSON',
           'file': 'API_FILE', 'id': 'API_ID'}

# Words a C member cannot have, two macros of gcc's gnu11, and the first member of every struct.
RESERVED = frozenset('''auto bool break case char const continue default do double else enum extern false float for goto
    if inline int long register restrict return short signed sizeof static struct switch true typedef union
    unsigned void volatile while linux unix size'''.split())

# Type names whose C name is taken by a header written by hand (<aisha/file.h>).
RENAMED = {'File': 'telegram_file'}

# An inaccessible message has some fields of a message, and the date 0. A keyboard made for
# sending should do for editing.
ALIASES = {'MaybeInaccessibleMessage': 'Message', 'InlineKeyboardMarkup': 'ReplyMarkup'}

# Unions that the spec has in a field only, and members it names in a field but not in the union's own list.
UNIONS = {'ReplyMarkup': ['InlineKeyboardMarkup', 'ReplyKeyboardMarkup', 'ReplyKeyboardRemove', 'ForceReply']}
MORE_MEMBERS = {'InputMedia': ['InputMediaVoiceNote']}
UNION_TEXTS = {'ReplyMarkup': 'A keyboard under a message or instead of the usual one, or a request to reply.'}

# A longer list of values, such as that of all currencies, is left to the documentation.
MOST_VALUES = 30

# Reachable from no method: the update itself, and what comes with an error.
ROOTS = ['Update', 'ResponseParameters']


class SpecError(Exception):
    """What the person who runs the generator has to decide."""


@dataclass
class Field:
    name: str
    kind: str
    required: bool = False
    text: str = ''
    values: list = dataclass_field(default_factory=list)  # the texts it may have, as far as the spec says
    retired: bool = False
    aligned: bool = False

    @property
    def member(self):
        return self.name + '_' if self.name in RESERVED else self.name

    def comment(self):
        """For the header: with what the type and the sentence do not say."""
        if self.retired:
            return 'No longer in the Bot API.'
        text = self.text
        if self.kind.endswith('json'):
            text = 'JSON. ' + text
        if 0 < len(self.values) <= MOST_VALUES and not all(v in text for v in self.values):
            text = f'{text.rstrip(".")}: {", ".join(self.values)}'
        return ('Required. ' * self.required + text).strip()

    def locked(self):
        return f'{"!" if self.retired else ""}{self.name}:{self.kind}'


@dataclass
class Struct:
    name: str
    text: str
    fields: list = dataclass_field(default_factory=list)


@dataclass
class Method:
    name: str
    text: str
    params: Struct
    result: str  # a kind
    result_or_true: bool

    @property
    def c_name(self):
        return 'aisha_' + snake(self.name)


def snake(name):
    return re.sub(r'(?<=[a-z0-9])([A-Z])', r'_\1', name).lower()


def struct_name(type_name):
    return RENAMED.get(type_name) or snake(type_name)


def first_sentence(text):
    if isinstance(text, list):
        text = ' '.join(text)
    text = re.sub(r'\s+', ' ', text.translate({0x201c: '"', 0x201d: '"', 0x2018: "'", 0x2019: "'"})).strip()
    text = re.sub(r'\bA JSON-serialized (?=[ao])', 'An ', re.sub(r'^Optional\. ', '', text))
    text = text.replace('JSON-serialized ', '').replace('*/', '* /').replace('/*', '/ *')
    found = re.match(r'(.*?[.!?])(?<!e\.g\.)(?<!i\.e\.)(?= [A-Z("]|$)', text)
    return found.group(1) if found else text


# --- the spec as structs and methods

class Model:
    """Everything reachable from the methods and from an update, in C's terms."""

    def __init__(self, spec):
        self.types = spec['types']
        self.version = spec['version']
        self.unions = dict(UNIONS)
        for name, type_ in self.types.items():
            if type_.get('subtypes'):
                self.unions[name] = type_['subtypes'] + MORE_MEMBERS.get(name, [])
        self.structs = {}
        for root in ROOTS:
            self.kind([root])
        self.methods = [self.method(m) for _, m in sorted(spec['methods'].items())]
        self.update = self.structs['update']

    def kind(self, types, attachable=False):
        """The lock's word for a list of alternative type names."""
        arrays = {len(re.match(r'(?:Array of )*', t).group()) // len('Array of ') for t in types}
        names = {re.sub(r'^(Array of )*', '', t) for t in types}
        if attachable or 'InputFile' in names:
            return 'file'
        if names == {'Integer', 'String'}:
            return 'id'
        if len(arrays) != 1:
            return 'json'
        name = names.pop() if len(names) == 1 else self.union_of(names)
        return '[]' * arrays.pop() + self.element(name)

    def element(self, name):
        name = ALIASES.get(name, name)
        if name in SCALARS:
            return SCALARS[name]
        members = self.unions.get(name)
        if members and any(m in SCALARS or m.startswith('Array of') for m in members):
            return 'json'
        if not members:
            self.add_struct(name, lambda: self.fields(self.types[name]))
            return '*' + struct_name(name)
        self.add_struct(name, lambda: self.merge(members))
        return '*' + struct_name(name)

    def union_of(self, names):
        for union, members in sorted(self.unions.items(), key=lambda u: len(u[1])):
            if names <= set(members):
                return union
        raise SpecError(f'no union has the members {sorted(names)}: name one in UNIONS')

    def add_struct(self, name, fields):
        c_name = struct_name(name)
        if c_name in self.structs:
            return
        text = UNION_TEXTS.get(name) or first_sentence(self.types[name]['description'])
        if name in self.unions:
            text = f'{text.removesuffix("It can be one of").strip()} One of {", ".join(self.unions[name])}.'
        struct = self.structs[c_name] = Struct(c_name, text)  # before its fields: types refer to themselves
        struct.fields = fields()

    def fields(self, thing):
        return [Field(f['name'], self.kind(f['types'], f.get('attachable')), f['required'],
                      first_sentence(f['description']), [str(v) for v in f.get('enum', [])])
                for f in thing.get('fields', [])]

    def merge(self, members):
        merged = {}
        for member in members:
            for new in self.fields(self.types[member]):
                old = merged.setdefault(new.name, new)
                if old.kind != new.kind:
                    old.kind = 'json'
                if not set(new.values) <= set(old.values):
                    old.text = re.sub(r',? (always|must be) .*', '', old.text)
                    old.values += [v for v in new.values if v not in old.values]
        counts = [{f['name'] for f in self.types[m].get('fields', []) if f['required']} for m in members]
        for field in merged.values():
            field.required = all(field.name in required for required in counts)
        return list(merged.values())

    def method(self, m):
        params = Struct(snake(m['name']) + '_params', f'Parameters of {m["name"]}.', self.fields(m))
        self.structs[params.name] = params
        returns = [r for r in m['returns'] if r != 'Boolean'] or ['Boolean']
        return Method(m['name'], first_sentence(m['description']), params, self.kind(returns),
                      'Boolean' in m['returns'] and returns != ['Boolean'])


# --- the lock

def checksum(words):
    return f'{zlib.crc32(" ".join(words).encode()):08x}'


def parse_lock(text):
    """{struct: [Field]}, with None in place of the fields for a retired struct."""
    locked = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith('#'):
            continue
        name, found, *words = line.split(' ')
        if found != checksum([name, *words]):
            raise SpecError(f'abi.lock:{number}: {name} was edited by hand (a removed, reordered or retyped '
                            f'field breaks every built plugin): restore the line, then use --update-lock or --retire')
        fields, aligned = [], False
        for word in words:
            if word == '|':
                aligned = True
                continue
            json_name, kind = word.lstrip('!').split(':')
            fields.append(Field(json_name, kind, retired=word.startswith('!'), aligned=aligned))
            aligned = False
        locked[name.lstrip('!')] = None if name.startswith('!') else fields
    return locked


def format_lock(locked):
    lines = ['# Written by generate.py: see there. The order of the words on a line is the layout of a struct in every',
             '# built plugin.']
    for name, fields in sorted(locked.items()):
        words = []
        for field in fields or []:
            words += ['|'] * field.aligned + [field.locked()]
        if fields is None:
            name = '!' + name
        lines.append(' '.join([name, checksum([name, *words]), *words]))
    return '\n'.join(lines) + '\n'


def retire(locked, what):
    name, _, json_name = what.partition('.')
    fields = locked.get(name)
    if fields is None:
        raise SpecError(f'{name} is not in the lock')
    if not json_name:
        locked[name] = None
        return
    found = [f for f in fields if f.name == json_name and not f.retired]
    if not found:
        raise SpecError(f'{what} is not in the lock')
    found[0].retired = True


def append_new(locked, structs):
    for name, struct in structs.items():
        if locked.get(name) is None:
            locked[name] = [Field(f.name, f.kind) for f in struct.fields]
            continue
        known = {f.name for f in locked[name] if not f.retired}
        added = [Field(f.name, f.kind) for f in struct.fields if f.name not in known]
        if added:
            added[0].aligned = bool(locked[name])
            locked[name] += added


def apply_lock(locked, structs):
    """Puts the fields of the structs in the locked order, or says what does not fit."""
    problems = []
    for name, fields in locked.items():
        if fields is not None and name not in structs:
            problems.append(f'{name}: no longer in the spec (--retire {name})')
    for name, struct in structs.items():
        fields = locked.get(name)
        if fields is None:
            problems.append(f'{name}: not in the lock (--update-lock)')
            continue
        by_name = {f.name: f for f in struct.fields}
        for field in fields:
            new = by_name.get(field.name)
            if field.retired:
                continue
            if not new:
                problems.append(f'{name}.{field.name}: no longer in the spec (--retire {name}.{field.name})')
            elif new.kind != field.kind:
                problems.append(f'{name}.{field.name}: was {field.kind}, is now {new.kind} '
                                f'(--retire {name}.{field.name}, then --update-lock)')
            else:
                field.required, field.text, field.values = new.required, new.text, new.values
        for missing in by_name.keys() - {f.name for f in fields if not f.retired}:
            problems.append(f'{name}.{missing}: not in the lock (--update-lock)')
        struct.fields = fields
    if problems:
        raise SpecError('the spec does not fit abi.lock:\n  ' + '\n  '.join(sorted(problems)))


# --- C

BANNER = '/*\n * Generated by generate.py from {version}. Do not edit.\n */\n'

HEADER_TOP = '''#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aisha/bot_api_base.h>
#include <aisha/file.h>

/* The version of the Bot API, and a number that grows with every field added here. */
#define AISHA_BOT_API_VERSION "{version}"
#define AISHA_BOT_API_REVISION {revision}
'''

METHOD = '''{comment}
AISHA_CHECKED AISHA_ASYNC static inline int {name}_(struct aisha_ctx *ctx, {result}ret,
    const struct {name}_params *params)
{{
    return aisha_call_(ctx, "{method}", params, ret);
}}

#define {name}(ctx, ...) \\
    {name}_((ctx), AISHA_FIRST_(__VA_ARGS__, 0), \\
        &(const struct {name}_params){{AISHA_REST_(__VA_ARGS__, .size = sizeof(struct {name}_params))}})
'''


def split_kind(kind):
    """'[][]*photo_size' is 2 array levels of the struct photo_size."""
    found = re.fullmatch(r'((?:\[\])*)(\*?)(\w+)', kind)
    depth, base = len(found.group(1)) // 2, found.group(3)
    return depth, base, bool(found.group(2))


def c_type(kind):
    depth, base, is_object = split_kind(kind)
    if base == 'int' and depth == 1:
        return 'const int64_t *'
    if depth and not is_object and base not in ('text', 'json', 'file'):
        raise SpecError(f'no C type for {kind}')
    plain = f'const struct aisha_{base} *' if is_object else C_TYPES[base]
    return plain + 'const *' * depth


def companion(field):
    """The second member of a field that needs two, as (type, name)."""
    if field.kind == 'id':
        return 'const char *', field.name + '_str'
    if field.kind == '[]int':
        return 'size_t ', field.name + '_count'
    return None


def comment(text, indent=''):
    lines = textwrap.wrap(text, 112 - len(indent))
    return f'{indent}/* ' + f'\n{indent} * '.join(lines) + ' */'


def declare_member(index, field):
    name = f'retired_{index}_{field.name}' if field.retired else field.member
    text = field.comment()
    lines = [f'    {"_Alignas(8) " * field.aligned}{c_type(field.kind)}{name};']
    second = companion(field)
    if second:
        lines.append(f'    {second[0]}{name}{second[1].removeprefix(field.name)};')
    if text and len(lines[0] + text) < 100:
        lines[0] += f' /* {text} */'
    elif text:
        lines.insert(0, comment(text, '    '))
    return '\n'.join(lines)


def declare_struct(struct):
    members = [declare_member(*numbered) for numbered in enumerate(struct.fields)]
    lines = [comment(struct.text), f'struct aisha_{struct.name} {{', '    size_t size;', *members, '};']
    return '\n'.join(lines) + '\n'


def check_members(struct):
    members = ['size']
    for field in struct.fields:
        if not field.retired:
            members += [field.member, *(companion(field) or ())[1:]]
    twice = {m for m in members if members.count(m) > 1}
    if twice:
        raise SpecError(f'{struct.name}: two members are called {sorted(twice)}')


def result_type(method):
    return 'bool *' if method.result == 'bool' else c_type(method.result) + '*'


def method_comment(method):
    """With what ret becomes, where its type does not say it."""
    text = f'{method.name}: {method.text}'
    return comment(text + ' *ret is NULL for an inline message.' * method.result_or_true)


def write_header(model, revision):
    parts = [BANNER.format(version=model.version), HEADER_TOP.format(version=model.version, revision=revision)]
    parts.append('\n'.join(f'struct aisha_{name};' for name in sorted(model.structs)) + '\n')
    params = {m.params.name for m in model.methods}
    parts += [declare_struct(s) for name, s in sorted(model.structs.items()) if name not in params]
    for method in model.methods:
        parts.append(declare_struct(method.params))
        parts.append(METHOD.format(comment=method_comment(method), name=method.c_name, method=method.name,
                                   result=result_type(method)))
    return '\n'.join(parts)


def value_initializer(kind, index):
    depth, base, is_object = split_kind(kind)
    if is_object:
        return f'{{API_OBJECT, {depth}, &api_types[{index[base]}]}}'
    return f'{{{C_KINDS[base]}, {depth}, NULL}}'


def field_rows(struct, index):
    c_name = f'struct aisha_{struct.name}'
    for field in struct.fields:
        if field.retired:
            continue
        second = companion(field)
        second = f'offsetof({c_name}, {second[1]})' if second else '0'
        yield (f'    {{"{field.name}", {value_initializer(field.kind, index)}, '
               f'offsetof({c_name}, {field.member}), {second}, {str(field.required).lower()}}},')


def by_name(struct):
    """The places of the fields in the order of their names."""
    names = [f.name.encode() for f in struct.fields if not f.retired]
    return sorted(range(len(names)), key=names.__getitem__)


def never_null(struct):
    """The places of the fields for which the codec makes something empty when they do not come."""
    fields = [f for f in struct.fields if not f.retired]
    for place, field in enumerate(fields):
        depth, base, is_object = split_kind(field.kind)
        is_list = depth and C_KINDS.get(base) != 'API_INTEGER'
        if field.required and (is_list or is_object or C_KINDS[base] in ('API_TEXT', 'API_JSON')):
            yield place


def write_tables(model):
    structs = sorted(model.structs.values(), key=lambda s: s.name)
    index = {struct.name: i for i, struct in enumerate(structs)}
    lines = [BANNER.format(version=model.version), '#include "host/telegram/api.h"', '', '#include <aisha/bot_api.h>']
    lines += ['', f'const size_t api_type_count = {len(structs)};', '']
    for struct in structs:
        rows = list(field_rows(struct, index))
        if rows:
            lines += [f'static const struct api_field fields_{struct.name}[] = {{', *rows, '};', '']
            order = ', '.join(map(str, by_name(struct)))
            lines += [f'static const uint16_t by_name_{struct.name}[] = {{{order}}};', '']
        places = ', '.join(map(str, never_null(struct)))
        if places:
            lines += [f'static const uint16_t never_null_{struct.name}[] = {{{places}}};', '']
    lines.append('const struct api_type api_types[] = {')
    for struct in structs:
        count = sum(not f.retired for f in struct.fields)
        fields = f'fields_{struct.name}, by_name_{struct.name}' if count else 'NULL, NULL'
        places = len(list(never_null(struct)))
        filled = f'never_null_{struct.name}' if places else 'NULL'
        lines.append(f'    {{"{struct.name}", sizeof(struct aisha_{struct.name}), {fields}, {count}, {filled}, '
                     f'{places}}},')
    lines += ['};', '', 'const struct api_method api_methods[] = {']
    for method in model.methods:
        lines.append(f'    {{"{method.name}", &api_types[{index[method.params.name]}], '
                     f'{value_initializer(method.result, index)}, {str(method.result_or_true).lower()}}},')
    lines += ['};', '', f'const size_t api_method_count = {len(model.methods)};', '',
              f'const struct api_type *const api_update_type = &api_types[{index["update"]}];', '',
              'const char *const api_update_kinds[] = {']
    lines += [f'    "{f.name}",' for f in model.update.fields if f.kind.startswith('*') and not f.retired]
    return '\n'.join(lines + ['    NULL,', '};']) + '\n'


# --- command line

def parse_args(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--spec', type=Path, default=HERE / 'bot-api.json')
    parser.add_argument('--lock', type=Path, default=HERE / 'abi.lock')
    parser.add_argument('--header', type=Path)
    parser.add_argument('--tables', type=Path)
    parser.add_argument('--update-lock', action='store_true')
    parser.add_argument('--retire', metavar='STRUCT[.FIELD]', action='append', default=[])
    return parser.parse_args(argv)


def run(args):
    model = Model(json.loads(args.spec.read_text()))
    locked = parse_lock(args.lock.read_text()) if args.lock.exists() else {}
    for what in args.retire:
        retire(locked, what)
    if args.update_lock:
        append_new(locked, model.structs)
    if args.update_lock or args.retire:
        args.lock.write_text(format_lock(locked))
    if not (args.update_lock or args.header or args.tables):
        return
    apply_lock(locked, model.structs)
    for struct in model.structs.values():
        check_members(struct)
    revision = sum(1 + len(fields or []) for fields in locked.values())
    if args.header:
        args.header.write_text(write_header(model, revision))
    if args.tables:
        args.tables.write_text(write_tables(model))


def main(argv=None):
    try:
        run(parse_args(argv))
    except SpecError as error:
        print(f'generate.py: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
