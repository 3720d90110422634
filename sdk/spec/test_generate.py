#!/usr/bin/env python3
"""The lock holds: what was promised to built plugins cannot move, vanish or change its type. Prints TAP."""
import contextlib
import copy
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import generate  # noqa: E402


class Generate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.real_spec = json.loads((HERE / 'bot-api.json').read_text())
        cls.real_lock = (HERE / 'abi.lock').read_text()

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = Path(directory.name)
        self.spec = copy.deepcopy(self.real_spec)
        self.lock = self.dir / 'abi.lock'
        self.lock.write_text(self.real_lock)

    def run_with(self, *args):
        (self.dir / 'spec.json').write_text(json.dumps(self.spec))
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            status = generate.main(['--spec', str(self.dir / 'spec.json'), '--lock', str(self.lock), *args])
        return status, errors.getvalue()

    def generate(self):
        return self.run_with('--header', str(self.dir / 'h'), '--tables', str(self.dir / 'c'))

    def assert_refused(self, *words):
        status, errors = self.generate()
        self.assertEqual(status, 1)
        for word in words:
            self.assertIn(word, errors)
        self.assertFalse((self.dir / 'h').exists())

    def assert_done(self, result):
        self.assertEqual(result, (0, ''))

    def fields(self, name):
        return self.spec['types'][name]['fields']

    def add_field(self, name, field, type_):
        self.fields(name).insert(0, {'name': field, 'types': [type_], 'required': False, 'description': 'New.'})

    def locked(self, name):
        return next(line for line in self.lock.read_text().splitlines() if line.split()[0].lstrip('!') == name)

    def edit_lock(self, name, edit):
        words = self.locked(name).split(' ')
        text = self.lock.read_text().replace(self.locked(name), ' '.join(words[:2] + edit(words[2:])))
        self.lock.write_text(text)

    def test_the_spec_fits_the_lock(self):
        self.assert_done(self.generate())

    def test_an_update_without_news_changes_nothing(self):
        self.assert_done(self.run_with('--update-lock'))
        self.assertEqual(self.lock.read_text(), self.real_lock)

    def test_a_field_removed_from_the_spec_is_refused(self):
        self.fields('Message')[:] = [f for f in self.fields('Message') if f['name'] != 'text']
        self.assert_refused('message.text: no longer in the spec', '--retire message.text')

    def test_a_field_with_another_type_is_refused(self):
        next(f for f in self.fields('User') if f['name'] == 'id')['types'] = ['String']
        self.assert_refused('user.id: was int, is now text')

    def test_a_new_field_is_refused_until_the_lock_is_updated(self):
        self.add_field('User', 'shoe_size', 'Integer')
        self.assert_refused('user.shoe_size: not in the lock', '--update-lock')
        self.assert_done(self.run_with('--update-lock'))
        self.assertTrue(self.locked('user').endswith(' | shoe_size:int'))
        self.assert_done(self.generate())

    def test_the_order_of_the_spec_does_not_matter(self):
        self.assert_done(self.generate())
        before = (self.dir / 'h').read_text()
        self.fields('Message').reverse()
        self.assert_done(self.generate())
        self.assertEqual((self.dir / 'h').read_text(), before)

    def test_a_field_removed_from_the_lock_is_refused(self):
        self.edit_lock('user', lambda words: words[1:])
        self.assert_refused('user was edited by hand')

    def test_fields_reordered_in_the_lock_are_refused(self):
        self.edit_lock('user', lambda words: words[::-1])
        self.assert_refused('user was edited by hand')

    def test_a_field_retyped_in_the_lock_is_refused(self):
        self.edit_lock('user', lambda words: ['id:text'] + words[1:])
        self.assert_refused('user was edited by hand')

    def test_a_struct_removed_from_the_lock_is_refused(self):
        self.lock.write_text(self.lock.read_text().replace(self.locked('user') + '\n', ''))
        self.assert_refused('user: not in the lock')

    def test_a_new_boolean_cannot_hide_in_padding(self):
        self.add_field('User', 'is_tall', 'Boolean')
        self.assert_done(self.run_with('--update-lock'))
        self.assert_done(self.generate())
        self.assertIn('    _Alignas(8) int8_t is_tall;', (self.dir / 'h').read_text())

    def test_a_retired_field_keeps_its_place(self):
        self.fields('User')[:] = [f for f in self.fields('User') if f['name'] != 'last_name']
        self.assert_done(self.run_with('--retire', 'user.last_name'))
        self.assert_done(self.generate())
        self.assertIn(' !last_name:text ', self.locked('user'))
        self.assertRegex((self.dir / 'h').read_text(), r'const char \*retired_\d+_last_name;')
        self.assertNotIn('offsetof(struct aisha_user, last_name)', (self.dir / 'c').read_text())

    def test_a_retyped_field_gets_a_new_place(self):
        next(f for f in self.fields('User') if f['name'] == 'last_name')['types'] = ['Integer']
        self.assert_done(self.run_with('--retire', 'user.last_name', '--update-lock'))
        self.assert_done(self.generate())
        self.assertTrue(self.locked('user').endswith(' | last_name:int'))

    def test_a_struct_that_left_can_be_retired(self):
        del self.spec['methods']['logOut']
        self.assert_refused('log_out_params: no longer in the spec')
        self.assert_done(self.run_with('--retire', 'log_out_params'))
        self.assert_done(self.generate())

    def test_two_members_of_one_name_are_refused(self):
        self.spec['methods']['banChatMember']['fields'].append(
            {'name': 'chat_id_str', 'types': ['String'], 'required': False, 'description': 'New.'})
        self.run_with('--update-lock')
        self.assert_refused('ban_chat_member_params', 'chat_id_str')

    def test_a_union_without_a_name_is_refused(self):
        self.spec['methods']['sendMessage']['fields'].append(
            {'name': 'x', 'types': ['User', 'Chat'], 'required': False, 'description': 'New.'})
        self.assert_refused("['Chat', 'User']", 'UNIONS')


class Tap(unittest.TestResult):
    def stopTest(self, test):
        trace = ''.join(trace for failed, trace in self.failures + self.errors if failed is test)
        print(f'{"not ok" if trace else "ok"} {self.testsRun} - {test.id().split(".test_")[-1]}')
        print(*('# ' + line for line in trace.splitlines()), sep='\n', end='\n' * bool(trace), flush=True)


def main():
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Generate)
    print(f'1..{suite.countTestCases()}')
    return not suite.run(Tap()).wasSuccessful()


if __name__ == '__main__':
    sys.exit(main())
