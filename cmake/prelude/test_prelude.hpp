#pragma once

#include "prelude.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
