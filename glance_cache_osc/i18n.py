# SPDX-License-Identifier: Apache-2.0

"""Translation of what a person reads, as OpenStackClient does it."""

import oslo_i18n

_translators = oslo_i18n.TranslatorFactory(domain='glance_cache_osc')

#: Marks a message for translation.
_ = _translators.primary
