# SPDX-License-Identifier: Apache-2.0

"""Translation of messages for users, as in OpenStackClient."""

import oslo_i18n

_translators = oslo_i18n.TranslatorFactory(domain='glance_cache_osc')

#: Marks a message for translation.
_ = _translators.primary
