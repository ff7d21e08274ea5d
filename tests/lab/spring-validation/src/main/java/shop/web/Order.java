package shop.web;

import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;

public record Order(@NotBlank String sku, @Min(1) int quantity) {
}
