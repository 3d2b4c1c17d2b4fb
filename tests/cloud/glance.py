# SPDX-License-Identifier: Apache-2.0

"""A Glance node: its options, its configuration, its process."""

from __future__ import annotations

from collections.abc import Mapping
import configparser
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from string import Template

from tests.cloud import rest
from tests.cloud.keystone import Keystone
from tests.cloud.keystone import REGION
from tests.cloud.keystone import TEMPLATES
from tests.cloud.ledger import Ledger
from tests.cloud.ports import Port
from tests.cloud.process import Process
from tests.cloud.process import script


@dataclass(frozen=True)
class GlanceOptions:
    """The options of one node.

    :ivar cache: whether the node has an image cache
    :ivar driver: image_cache_driver, `centralized_db` or `sqlite`; None for
        the default of the cloud
    :ivar flavor: flavor of the paste pipeline; None for `keystone`, or
        `keystone+cachemanagement` with a cache
    :ivar pipeline: the filters and the application, separated by spaces, in
        place of those of the flavor
    :ivar hidden: a path below /v2 that does not exist, as behind a proxy
    :ivar extra: text at the end of glance-api.conf, where it overrides
        earlier values
    :ivar environment: environment variables of the process, for example TZ
    :ivar python: Python of another venv, with another Glance; None for that
        of the cloud
    :ivar application: `module:name` of the WSGI application; an old Glance
        has only `glance.common.wsgi_app:init_app()`
    :ivar wrapper: a command that runs the command line of the process, which
        follows it; `{cache_dir}` in it stands for the node's cache_dir
    :ivar own_database: whether the node has its own database, which its own
        Glance creates
    """

    cache: bool = True
    driver: str | None = None
    flavor: str | None = None
    pipeline: str | None = None
    hidden: str = ''
    extra: str = ''
    environment: Mapping[str, str] = field(default_factory=dict)
    python: Path | None = None
    application: str = 'glance.wsgi.api:application'
    wrapper: tuple[str, ...] = ()
    own_database: bool = False


class GlanceNode:
    """One glance-api.

    :ivar name: `glance-1` and so on
    :ivar url: the URL, without a trailing slash
    :ivar directory: the directory of the node
    :ivar cache_dir: its image_cache_dir; missing if the cache is disabled
    :ivar python: Python of its venv, which also has the programs of Glance
    :ivar log: the log of glance-api, with all its output
    """

    def __init__(
        self,
        name: str,
        options: GlanceOptions,
        *,
        driver: str,
        python: Path,
        keystone: Keystone,
        ledger: Ledger,
        lifeline: bool,
    ) -> None:
        self.name = name
        self.options = options
        self.port = Port()
        self.url = self.port.url
        self.directory = ledger.directory / name
        self.cache_dir = self.directory / 'cache'
        self.log = self.directory / 'glance-api.log'
        self.database = (
            self.directory if options.own_database else ledger.directory
        ) / 'glance.db'
        self._driver = options.driver or driver
        self.python = (options.python or python).absolute()
        self._keystone = keystone
        self._config = self.directory / 'glance-api.conf'
        self.db_sync = Process(
            f'{name}-db-sync',
            [
                str(self.python),
                *('-I', '-W', 'ignore', '-m', 'glance.cmd.manage'),
                *('--config-file', str(self._config)),
                *('db', 'sync'),
            ],
            self.directory / 'db-sync.log',
            ledger,
        )
        self.process = Process(
            name,
            [
                *(
                    word.format(cache_dir=self.cache_dir)
                    for word in options.wrapper
                ),
                str(self.python),
                *script('serve.py'),
                options.application,
                str(self.port.number),
                *(['--lifeline'] if lifeline else []),
            ],
            self.log,
            ledger,
            {
                'OS_GLANCE_CONFIG_DIR': str(self.directory),
                **options.environment,
            },
            lifeline,
            # The fork server has the modules of the cloud's Glance.
            forked=lifeline and not options.python and not options.wrapper,
        )

    def configure(self) -> None:
        """Write the configuration, and create the directories."""
        flavor = self.options.flavor or (
            'keystone+cachemanagement' if self.options.cache else 'keystone'
        )
        stores = self.directory.parent / 'stores'
        for folder in (
            *(self.directory / name for name in ('staging', 'tasks', 'locks')),
            *(stores / name for name in ('fast', 'cheap')),
            *([self.cache_dir] if self.options.cache else []),
        ):
            folder.mkdir(parents=True, exist_ok=True)
        templates = ['glance-api.conf']
        if self.options.cache:
            templates.append('glance-cache.conf')
        text = '\n'.join((TEMPLATES / name).read_text() for name in templates)
        self._config.write_text(
            Template(text).substitute(
                directory=self.directory,
                log=self.log,
                url=self.url,
                database=self.database,
                stores=stores,
                flavor=flavor,
                driver=self._driver,
                auth_url=self._keystone.auth_url,
                password=self._keystone.password,
                region=REGION,
            )
            + self.options.extra
        )
        self._write_paste(flavor)

    def _write_paste(self, flavor: str) -> None:
        """Copy the paste.ini of the venv, with the pipeline of the options."""
        paste = configparser.RawConfigParser()
        paste.optionxform = str  # type: ignore[assignment,method-assign]
        prefix = self.python.parent.parent
        shipped = prefix / 'etc/glance/glance-api-paste.ini'
        paste.read_string(shipped.read_text(encoding='utf-8'))
        if self.options.pipeline is not None:
            # In an old Glance, each flavor has its own section.
            section, option = f'pipeline:glance-api-{flavor}', 'pipeline'
            if not paste.has_section(section):
                section, option = 'composite:api', flavor
            paste.set(section, option, self.options.pipeline)
        if self.options.hidden:
            paste.set('composite:rootapp', self.options.hidden, 'nothing')
            paste.add_section('composite:nothing')
            paste.set('composite:nothing', 'use', 'egg:Paste#urlmap')
        own = self.directory / 'glance-api-paste.ini'
        with own.open('w', encoding='utf-8') as file:
            paste.write(file)

    def wait_ready(self) -> None:
        """Wait until the node responds.

        :raises CloudError: the process ended, or took too long
        """
        self.process.wait_until(lambda: rest.answers(self.url))

    def start(self) -> None:
        """Start the node again on the same port, and wait until it responds.

        :raises CloudError: it runs already, ended, or took too long
        """
        self.process.start()
        self.wait_ready()

    def stop(self) -> None:
        """Stop the node; its port refuses connections afterwards."""
        self.process.stop()

    def kill(self) -> None:
        """Kill the node with SIGKILL."""
        self.process.stop(grace=0)
