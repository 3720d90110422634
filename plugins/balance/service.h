#pragma once

#include <aisha/service/billing.h>

extern const struct aisha_billing_functions balance_billing;
